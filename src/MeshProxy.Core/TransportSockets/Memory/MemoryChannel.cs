using System.Buffers;

namespace MeshProxy.Core.TransportSockets.Memory;

/// <summary>What one end of a connection in memory has sent and the other one has not read: a bounded queue of bytes.</summary>
/// <remarks>
/// One thread writes, one reads; they may be two. The lock is held for a copy, and nobody contends for it between two ends on one
/// worker. Empty, it holds no block of bytes.
/// </remarks>
internal sealed class MemoryChannel
{
    /// <summary>Bytes that it takes at most.</summary>
    public const int CapacityBytes = 256 * 1024;

    private const int BlockBytes = 32 * 1024;

    private readonly Lock _lock = new();
    private Block? _first;
    private Block? _last;
    private Block? _spare;
    private int _count;
    private bool _writerWaits;
    private bool _ended;
    private bool _readerGone;
    private bool _reset;

    /// <summary>Whether the connection was reset.</summary>
    public bool IsReset
    {
        get
        {
            lock (_lock)
            {
                return _reset;
            }
        }
    }

    /// <summary>Whether bytes wait that nobody has read.</summary>
    public bool HasBytes
    {
        get
        {
            lock (_lock)
            {
                return _count > 0;
            }
        }
    }

    /// <summary>Takes as many bytes as fit. Fewer than were given: the writer is told when there is room. -1: nobody will read them.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_readerGone || _reset || _ended)
            {
                return -1;
            }

            var taken = Math.Min(bytes.Length, CapacityBytes - _count);
            _writerWaits = taken < bytes.Length;
            Append(bytes[..taken]);
            return taken;
        }
    }

    /// <summary>Bytes read; 0 at the end; -1 if there are none yet, or the connection was reset.</summary>
    /// <param name="into">Not empty.</param>
    /// <param name="wakeWriter">Whether the writer waits for the room that there is now.</param>
    public int Read(Span<byte> into, out bool wakeWriter)
    {
        lock (_lock)
        {
            wakeWriter = false;
            if (_count == 0)
            {
                return _ended && !_reset ? 0 : -1;
            }

            var read = Take(into);
            if (_writerWaits && _count <= CapacityBytes / 2)
            {
                _writerWaits = false;
                wakeWriter = true;
            }

            return read;
        }
    }

    /// <summary>The writer is done; what it wrote can still be read.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
        }
    }

    /// <summary>The connection breaks. What was written before can still be read.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _reset = true;
        }
    }

    /// <summary>Nobody reads any more: drops what is left.</summary>
    public void CloseReader()
    {
        lock (_lock)
        {
            _readerGone = true;
            _count = 0;
            while (_first is { } block)
            {
                _first = block.Next;
                ArrayPool<byte>.Shared.Return(block.Bytes);
            }

            _last = null;
            _spare = null;
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_last is null || _last.End == _last.Bytes.Length)
            {
                var fresh = _spare ?? new Block();
                _spare = fresh.Next;
                fresh.Next = null;
                fresh.Start = 0;
                fresh.End = 0;
                fresh.Bytes = ArrayPool<byte>.Shared.Rent(BlockBytes);
                _ = _last is null ? _first = fresh : _last.Next = fresh;
                _last = fresh;
            }

            var n = Math.Min(bytes.Length, _last.Bytes.Length - _last.End);
            bytes[..n].CopyTo(_last.Bytes.AsSpan(_last.End));
            _last.End += n;
            _count += n;
            bytes = bytes[n..];
        }
    }

    private int Take(Span<byte> into)
    {
        var read = 0;
        while (!into.IsEmpty && _first is { } block)
        {
            var n = Math.Min(into.Length, block.End - block.Start);
            block.Bytes.AsSpan(block.Start, n).CopyTo(into);
            block.Start += n;
            _count -= n;
            read += n;
            into = into[n..];
            if (block.Start == block.End)
            {
                _first = block.Next;
                _last = _first is null ? null : _last;
                ArrayPool<byte>.Shared.Return(block.Bytes);
                block.Bytes = [];
                block.Next = _spare;
                _spare = block;
            }
        }

        return read;
    }

    private sealed class Block
    {
        public byte[] Bytes = [];
        public int Start;
        public int End;
        public Block? Next;
    }
}
