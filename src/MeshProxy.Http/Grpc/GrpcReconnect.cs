using MeshProxy.Core.Event;
using Polly;
using Polly.Retry;

namespace MeshProxy.Http.Grpc;

/// <summary>
/// Keeps a stream to a service alive, such as that of xDS: whenever it has ended, it is begun anew after a while. The wait is a random part of
/// an interval that doubles with each failure (Envoy: <c>JitteredExponentialBackOffStrategy</c>).
/// </summary>
/// <remarks>On one loop. One run at a time.</remarks>
internal sealed class GrpcReconnect
{
    private readonly ResiliencePipeline _pipeline;
    private readonly Random _random;
    private readonly double _baseMs;
    private readonly double _maxMs;
    private int _failures;

    /// <param name="loop">Whose time counts.</param>
    /// <param name="baseInterval">The first interval; Envoy's 500 ms if null.</param>
    /// <param name="maxInterval">The longest interval; Envoy's 30 s if null.</param>
    /// <param name="random">For tests.</param>
    public GrpcReconnect(EventLoop loop, TimeSpan? baseInterval = null, TimeSpan? maxInterval = null, Random? random = null)
    {
        _baseMs = (baseInterval ?? TimeSpan.FromMilliseconds(500)).TotalMilliseconds;
        _maxMs = (maxInterval ?? TimeSpan.FromSeconds(30)).TotalMilliseconds;
        _random = random ?? Random.Shared;
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = new LoopTimeProvider(loop) }
            .AddRetry(new RetryStrategyOptions
            {
                // However a session has ended, another one follows; the token ends that.
                ShouldHandle = static _ => PredicateResult.True(),
                MaxRetryAttempts = int.MaxValue,
                DelayGenerator = _ => new ValueTask<TimeSpan?>(NextDelay()),
            })
            .Build();
    }

    /// <summary>The service has said something that makes sense: the next wait is a short one again.</summary>
    public void OnWorking() => _failures = 0;

    /// <summary>Runs one session after the other until it is cancelled. What a session throws counts as its end.</summary>
    /// <exception cref="OperationCanceledException">Always, in the end.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> session, CancellationToken cancellation)
    {
        // Polly comes back to the loop between the sessions only if it is told to.
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: true, cancellation);
        try
        {
            await _pipeline.ExecuteAsync(static async (context, session) => await session(context.CancellationToken), context, session);
            cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private TimeSpan NextDelay()
    {
        var interval = Math.Min(_maxMs, _baseMs * Math.Pow(2, Math.Min(_failures++, 30)));
        return TimeSpan.FromMilliseconds(Math.Max(1, _random.NextDouble() * interval));
    }
}
