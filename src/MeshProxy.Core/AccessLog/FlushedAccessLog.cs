namespace MeshProxy.Core.AccessLog;

/// <summary>Formats an entry on its worker and queues the line for the output's thread.</summary>
internal sealed class FlushedAccessLog(AccessLogFormat format, AccessLogFlusher flusher, byte? separator, Action<AccessLogFlusher> release) : IAccessLog
{
    private int _disposed;

    public void Log(AccessLogEntry entry)
    {
        var writer = AccessLogWriter.ForThread;
        format.Write(entry, writer);
        if (separator is { } end)
        {
            writer.Append(end);
        }

        flusher.Append(writer.Written);
    }

    /// <summary>Lets go of the output, which is flushed and closed when the last log on it is gone.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            release(flusher);
        }
    }
}
