using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Event;

internal static partial class EventLoopLog
{
    [LoggerMessage(1001, LogLevel.Error, "Worker {Worker}: an exception was caught in {Where}; the loop goes on")]
    public static partial void Fault(ILogger logger, int worker, string where, Exception exception);

    [LoggerMessage(1002, LogLevel.Warning, "Worker {Worker} has not returned to its event loop for {ElapsedMs} ms: all its connections wait. The likely cause is sync-over-async in a filter or callback (.Result, .Wait(), GetAwaiter().GetResult()) or another blocking call: await it")]
    public static partial void Miss(ILogger logger, int worker, long elapsedMs);

    [LoggerMessage(1003, LogLevel.Error, "Worker {Worker} is stalled: it has not returned to its event loop for {ElapsedMs} ms. The likely cause is sync-over-async in a filter or callback (.Result, .Wait(), GetAwaiter().GetResult()) or another blocking call: await it")]
    public static partial void MegaMiss(ILogger logger, int worker, long elapsedMs);
}
