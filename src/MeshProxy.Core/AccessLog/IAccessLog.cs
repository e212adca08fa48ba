namespace MeshProxy.Core.AccessLog;

/// <summary>Gets every stream (or connection, at layer 4) as it ends.</summary>
public interface IAccessLog : IDisposable
{
    /// <summary>Runs on the stream's worker and does not block; <paramref name="entry"/> is only good during the call.</summary>
    void Log(AccessLogEntry entry);
}
