using Microsoft.AspNetCore.Http;

namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>What the upstream of the crossing tests does, beside what <see cref="KestrelUpstream"/> does by itself.</summary>
internal sealed class CrossingService
{
    /// <summary>How many cookies an answer of /cookies sets.</summary>
    public const int Cookies = 40;

    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The upstream has seen that a request will not be finished.</summary>
    public Task Aborted => _aborted.Task.WaitAsync(Settings.Patience);

    /// <summary>The upstream has a request of /swallow.</summary>
    public Task Begun => _begun.Task.WaitAsync(Settings.Patience);

    /// <summary>Lets /break go on.</summary>
    public void GoOn() => _goOn.SetResult();

    public async Task HandleAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        response.Headers["x-upstream"] = $"{request.Protocol} {request.Scheme} {request.Host}";
        switch (request.Path.Value)
        {
            case "/trailers":
                var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                var sum = request.GetTrailer("x-sum").ToString();
                await response.WriteAsync($"{body.Length} bytes, sum {sum}");
                if (response.SupportsTrailers())
                {
                    response.AppendTrailer("x-seen", sum);
                    response.AppendTrailer("x-more", "yes");
                }

                break;
            case "/cookies":
                for (var i = 0; i < Cookies; i++)
                {
                    response.Headers.Append("set-cookie", $"c{i}={i}; Path=/, a");
                }

                await response.WriteAsync(string.Join(" | ", request.Headers.Cookie.AsEnumerable()));
                break;
            case "/refuse":
                response.StatusCode = 413;
                await response.WriteAsync("too large");
                break;
            case "/abort":
                context.Abort();
                break;
            case "/break":
                await Payload.WriteAsync(response.Body, 100_000);
                await response.Body.FlushAsync();
                await _goOn.Task;
                context.Abort();
                break;
            case "/wait":
                await response.WriteAsync("begun");
                await response.Body.FlushAsync();
                await WaitForAbortAsync(context);
                break;
            case "/swallow":
                await SwallowAsync(context);
                break;
            default:
                await KestrelUpstream.Service(context);
                break;
        }
    }

    private async Task WaitForAbortAsync(HttpContext context)
    {
        using var registration = context.RequestAborted.Register(() => _aborted.TrySetResult());
        await Aborted;
    }

    /// <summary>An upload that breaks off must never look complete.</summary>
    private async Task SwallowAsync(HttpContext context)
    {
        _begun.TrySetResult();
        try
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            _aborted.TrySetException(new InvalidOperationException("a part of a body passed for the whole"));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or BadHttpRequestException)
        {
            _aborted.TrySetResult();
        }
    }
}
