namespace MeshProxy.Core.Tests.TransportSockets.Tls;

/// <summary>A client's stream below TLS that keeps the last bytes of its second flight, which ends with Finished, until it is told to go on: the certificate has come by then.</summary>
internal sealed class HoldingStream(Stream inner, Task release) : Stream
{
    /// <summary>Fewer than the record of a Finished has.</summary>
    private const int Kept = 8;

    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _flights;

    /// <summary>Completes when all but the last bytes are sent.</summary>
    public Task Held => _held.Task;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (++_flights == 2)
        {
            await inner.WriteAsync(buffer[..^Kept], cancellationToken);
            buffer = buffer[^Kept..];
            _held.TrySetResult();
            await release;
        }

        await inner.WriteAsync(buffer, cancellationToken);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count); // the alert of a dispose

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
