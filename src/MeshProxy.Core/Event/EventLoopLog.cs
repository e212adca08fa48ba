using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Event;

internal static partial class EventLoopLog
{
    [LoggerMessage(1001, LogLevel.Error, "Worker {Worker}: an exception was caught in {Where}; the loop goes on")]
    public static partial void Fault(ILogger logger, int worker, string where, Exception exception);
}
