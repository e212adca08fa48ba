using MeshProxy.Core.Event;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Server;

internal static partial class ServerLog
{
    [LoggerMessage(3001, LogLevel.Information, "Started {Workers} workers on {Kind} event loops")]
    public static partial void Started(ILogger logger, int workers, EventLoopKind kind);

    [LoggerMessage(3002, LogLevel.Information, "Stopping: connections drain for up to {Seconds} s")]
    public static partial void Draining(ILogger logger, double seconds);

    [LoggerMessage(3003, LogLevel.Warning, "The drain has ended with {Connections} connections left; they are closed")]
    public static partial void DrainCutShort(ILogger logger, long connections);

    [LoggerMessage(3004, LogLevel.Warning, "{Connections} connections did not end when they were closed: a filter's call has not returned")]
    public static partial void Stuck(ILogger logger, long connections);

    [LoggerMessage(3005, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger logger);
}
