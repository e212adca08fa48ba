namespace MeshProxy.TestSupport.Simulation;

/// <summary>A first-in first-out queue of bytes.</summary>
internal sealed class ByteQueue
{
    private byte[] _bytes = [];
    private int _start;

    public int Count { get; private set; }

    public void Enqueue(ReadOnlySpan<byte> bytes)
    {
        if (_start + Count + bytes.Length > _bytes.Length)
        {
            var target = Count + bytes.Length > _bytes.Length ? new byte[Math.Max(256, (Count + bytes.Length) * 2)] : _bytes;
            Buffer.BlockCopy(_bytes, _start, target, 0, Count);
            _bytes = target;
            _start = 0;
        }

        bytes.CopyTo(_bytes.AsSpan(_start + Count));
        Count += bytes.Length;
    }

    /// <summary>The first bytes, valid until the next call.</summary>
    public ReadOnlySpan<byte> Dequeue(int count)
    {
        var bytes = _bytes.AsSpan(_start, count);
        _start += count;
        Count -= count;
        return bytes;
    }

    public void Clear() => Count = 0;
}
