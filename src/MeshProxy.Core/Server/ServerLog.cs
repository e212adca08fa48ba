using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Server;

internal static partial class ServerLog
{
    [LoggerMessage(3001, LogLevel.Information, "Started {Workers} workers on {Kind} event loops")]
    public static partial void Started(ILogger logger, int workers, string kind);

    [LoggerMessage(3002, LogLevel.Information, "Stopping: {Connections} connections drain for up to {Seconds} s")]
    public static partial void Draining(ILogger logger, int connections, double seconds);

    [LoggerMessage(3003, LogLevel.Information, "Stopped; {Connections} connections were closed before they had ended")]
    public static partial void Stopped(ILogger logger, int connections);
}
