using MeshProxy.TestSupport;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Sends as much as the other side takes, and sees when it takes no more.</summary>
internal sealed class FlowMeter
{
    /// <summary>What a proxy may hold of a stream that nobody takes: two connections stand behind one another.</summary>
    public const long MaxBytes = 2 * BufferBounds.MaxSlabBytes;

    private const int StepMs = 50;
    private const int StillSteps = 6;
    private long _sent;

    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Sends the payload of this length.</summary>
    public async Task SendAsync(RawConnection to, long length)
    {
        await using var stream = new System.Net.Sockets.NetworkStream(to.Socket);
        await Payload.WriteAsync(new Counting(stream, this), length);
    }

    /// <summary>Waits until nothing moves any more while the proxy holds some of it. The most bytes of buffers that the proxy had meanwhile.</summary>
    public async Task<long> StallAsync(Proxy proxy)
    {
        long most = 0, before = -1;
        var still = 0;
        await Waiting.EventuallyAsync(
            async () =>
            {
                await Task.Delay(StepMs);
                var held = (await proxy.Server.GetDiagnosticsAsync()).SlabBytesInUse;
                most = Math.Max(most, held);
                var now = Sent;
                still = now == before && now > 0 && held > 0 ? still + 1 : 0;
                before = now;
                return still >= StillSteps;
            },
            () => $"the flow does not stall: {Sent} bytes are sent",
            2 * Waiting.Patience);
        return most;
    }

    /// <summary>Counts what has gone out.</summary>
    private sealed class Counting(Stream to, FlowMeter meter) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await to.WriteAsync(buffer, cancellationToken);
            Interlocked.Add(ref meter._sent, buffer.Length);
        }

        public override void Flush() => to.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
