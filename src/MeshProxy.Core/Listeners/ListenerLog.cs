using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Listeners;

internal static partial class ListenerLog
{
    [LoggerMessage(2001, LogLevel.Warning, "Worker {Worker}: no file descriptor left; accepting rests for {PauseMs} ms")]
    public static partial void OutOfFiles(ILogger logger, int worker, int pauseMs);

    [LoggerMessage(2002, LogLevel.Information, "Listener {Listener} listens on {Address}")]
    public static partial void Listening(ILogger logger, string listener, string address);

    [LoggerMessage(2003, LogLevel.Information, "Listener {Listener} was removed; its connections drain")]
    public static partial void Removed(ILogger logger, string listener);

    [LoggerMessage(2004, LogLevel.Information, "Drain time is over: closing the connections that are left of {What}")]
    public static partial void DrainTimeOver(ILogger logger, string what);

    [LoggerMessage(2005, LogLevel.Error, "A factory of listener {Listener} threw at its end")]
    public static partial void DisposeFailed(ILogger logger, string listener, Exception exception);
}
