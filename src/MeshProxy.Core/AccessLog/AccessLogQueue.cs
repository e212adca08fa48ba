using System.Diagnostics;

namespace MeshProxy.Core.AccessLog;

/// <summary>One producer's lines on their way to the flusher: a chain of chunks that the producer appends to and the flusher reads behind it.</summary>
/// <remarks>
/// One producer thread at a time, one consumer thread; no lock. A line becomes visible when the chunk's <c>Committed</c> is raised past it, so the flusher sees
/// whole lines, in order, without the producer's help: what an idle worker has written goes out too. An empty queue keeps one chunk.
/// </remarks>
internal sealed class AccessLogQueue(AccessLogBudget budget)
{
    /// <summary>Envoy hands its buffer over at 64 KiB too.</summary>
    public const int ChunkBytes = 64 * 1024;

    // What a burst leaves allocated.
    private const int MaxFreeChunks = 4;

    private Chunk? _head;
    private Chunk? _tail;

    // Free chunks: those that the consumer has given back, linked by Next, and those of them that the producer has taken over.
    private Chunk? _free;
    private Chunk? _producersFree;

    private sealed class Chunk(int size)
    {
        public readonly byte[] Bytes = new byte[size];
        public Chunk? Next;
        public int Committed;
        public int Consumed;

        /// <summary>In the free list: how long the list is from here.</summary>
        public int FreeCount;
    }

    /// <summary>What came of a line.</summary>
    public enum Result : byte
    {
        Appended,

        /// <summary>And a chunk is full: it is time to wake the flusher.</summary>
        ChunkFull,

        /// <summary>Not appended: the flusher is too far behind.</summary>
        Dropped,
    }

    /// <summary>Producer: appends one line.</summary>
    public Result Append(ReadOnlySpan<byte> line)
    {
        var tail = _tail;
        var result = Result.Appended;
        if (tail is null || tail.Bytes.Length - tail.Committed < line.Length)
        {
            if (TakeChunk(line.Length) is not { } next)
            {
                return Result.Dropped;
            }

            if (tail is null)
            {
                _tail = next;
                Volatile.Write(ref _head, next);
            }
            else
            {
                _tail = next;
                Volatile.Write(ref tail.Next, next);
                result = Result.ChunkFull;
            }

            tail = next;
        }

        line.CopyTo(tail.Bytes.AsSpan(tail.Committed));
        Volatile.Write(ref tail.Committed, tail.Committed + line.Length);
        return result;
    }

    /// <summary>Consumer: the next bytes, always whole lines. Empty if there are none. <see cref="Consume"/> them before peeking again.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        for (var head = Volatile.Read(ref _head); head is not null; head = _head)
        {
            // Next first: nothing is committed to a chunk after it has a successor.
            var next = Volatile.Read(ref head.Next);
            var committed = Volatile.Read(ref head.Committed);
            if (committed > head.Consumed)
            {
                return head.Bytes.AsSpan(head.Consumed, committed - head.Consumed);
            }

            if (next is null)
            {
                return default;
            }

            _head = next;
            Recycle(head);
        }

        return default;
    }

    /// <summary>Consumer: is done with the bytes that <see cref="Peek"/> gave.</summary>
    public void Consume(int count)
    {
        Debug.Assert(_head is not null && _head.Consumed + count <= _head.Committed);
        _head!.Consumed += count;
    }

    private Chunk? TakeChunk(int minBytes)
    {
        // A line of more than 64 KiB (many large headers) gets a chunk of its own.
        var size = Math.Max(ChunkBytes, minBytes);
        if (!budget.TryTake(size))
        {
            return null;
        }

        if (size > ChunkBytes || (_producersFree ??= Interlocked.Exchange(ref _free, null)) is not { } free)
        {
            return new Chunk(size);
        }

        _producersFree = free.Next;
        free.Next = null;
        return free;
    }

    private void Recycle(Chunk chunk)
    {
        budget.Return(chunk.Bytes.Length);
        var free = Volatile.Read(ref _free);
        if (chunk.Bytes.Length != ChunkBytes || free?.FreeCount >= MaxFreeChunks)
        {
            return;
        }

        chunk.Committed = 0;
        chunk.Consumed = 0;
        do
        {
            // The producer only ever takes the whole list, so this is the old one or an empty one.
            free = Volatile.Read(ref _free);
            chunk.Next = free;
            chunk.FreeCount = (free?.FreeCount ?? 0) + 1;
        }
        while (Interlocked.CompareExchange(ref _free, chunk, free) != free);
    }
}

/// <summary>The bytes that all queues of one output may hold together.</summary>
internal sealed class AccessLogBudget(long bytes)
{
    private long _left = bytes;

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _left, -bytes) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _left, bytes);
        return false;
    }

    public void Return(int bytes) => Interlocked.Add(ref _left, bytes);
}
