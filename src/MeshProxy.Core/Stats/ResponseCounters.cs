namespace MeshProxy.Core.Stats;

/// <summary>Responses by the class of their status: <c>PREFIX_completed</c> and <c>PREFIX_1xx</c> to <c>PREFIX_5xx</c>.</summary>
internal sealed class ResponseCounters(StatsScope scope, string prefix)
{
    private readonly Counter _completed = scope.Counter(prefix + "_completed");
    private readonly Counter _informational = scope.Counter(prefix + "_1xx");
    private readonly Counter _success = scope.Counter(prefix + "_2xx");
    private readonly Counter _redirect = scope.Counter(prefix + "_3xx");
    private readonly Counter _clientError = scope.Counter(prefix + "_4xx");
    private readonly Counter _serverError = scope.Counter(prefix + "_5xx");

    public void Record(int status)
    {
        _completed.Increment();
        (status switch
        {
            < 200 => _informational,
            < 300 => _success,
            < 400 => _redirect,
            < 500 => _clientError,
            _ => _serverError,
        }).Increment();
    }
}
