namespace MeshProxy.Core.AccessLog;

/// <summary>Where a flusher's lines go. All members run on the flusher's thread; any may block or throw.</summary>
internal interface IAccessLogOutput : IDisposable
{
    /// <summary>Writes whole lines.</summary>
    void Write(ReadOnlySpan<byte> lines);

    /// <summary>Opens the destination anew, because it was renamed (log rotation).</summary>
    void Reopen();
}
