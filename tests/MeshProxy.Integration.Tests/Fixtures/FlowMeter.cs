namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Sends as much as the other side takes, and sees when it takes no more.</summary>
internal sealed class FlowMeter
{
    /// <summary>4 MiB of the largest slabs: two connections hold up to 1 MiB each by default, and some heads and reads under way.</summary>
    public const int MaxSlabs = 64;

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

    /// <summary>Waits until nothing moves any more. The most slabs that the proxy held meanwhile.</summary>
    public async Task<long> StallAsync(Proxy proxy)
    {
        long slabs = 0;
        for (int still = 0, before = -1; still < StillSteps; still++)
        {
            slabs = Math.Max(slabs, (await proxy.Server.GetDiagnosticsAsync()).SlabsInUse);
            await Task.Delay(StepMs);
            var now = (int)(Sent >> 10);
            still = now == before && now > 0 ? still : -1;
            before = now;
        }

        return slabs;
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
