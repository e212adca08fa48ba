using System.Text;
using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Tests.Stats;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.AccessLog;

public sealed class AccessLogFlusherTests
{
    private readonly StatsStore _store = new(4);
    private readonly MemoryOutput _output = new();

    [Fact]
    public void Append_FromWorkersAndOthers_KeepsEveryLineAndEachThreadsOrder()
    {
        const int Threads = 6;
        const int Lines = 30_000;
        var flusher = Flusher();
        StatsStoreTests.RunThreads(Threads, t =>
        {
            if (t < _store.WorkerCount)
            {
                _store.EnterWorker(t);
            }

            for (var i = 0; i < Lines; i++)
            {
                flusher.Append(Encoding.ASCII.GetBytes($"{t} {i}\n"));
            }
        });
        flusher.Dispose();

        var next = new int[Threads];
        foreach (var line in _output.Lines())
        {
            var parts = line.Split(' ');
            var thread = int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture);
            parts[1].ShouldBe(next[thread].ToString(System.Globalization.CultureInfo.InvariantCulture));
            next[thread]++;
        }

        next.ShouldAllBe(n => n == Lines);
        Value("write_buffered").ShouldBe(Threads * Lines);
        Value("write_dropped").ShouldBe(0);
        Value("write_total_buffered").ShouldBe(0);
        _output.Disposed.ShouldBeTrue();
    }

    [Fact]
    public void Flush_WithHalfAChunk_WritesItWithoutTheWorkersHelp()
    {
        using var flusher = Flusher();
        StatsStoreTests.RunThreads(1, _ =>
        {
            _store.EnterWorker(2);
            flusher.Append("one\n"u8);
        });
        flusher.Flush();
        _output.Text().ShouldBe("one\n");
        StatsStoreTests.RunThreads(1, _ =>
        {
            _store.EnterWorker(2);
            flusher.Append("two\n"u8);
        });
        flusher.Flush();
        _output.Text().ShouldBe("one\ntwo\n");
    }

    [Fact]
    public void Interval_Over_Flushes()
    {
        using var flusher = new AccessLogFlusher("test", _output, _store, new AccessLogStats(_store.Root), interval: TimeSpan.FromMilliseconds(1));
        flusher.Append("one\n"u8);
        _output.Written.Wait(Waiting.Patience).ShouldBeTrue();
        _output.Text().ShouldBe("one\n");
    }

    [Fact]
    public void Chunk_Full_WakesTheFlusher()
    {
        using var flusher = Flusher();
        var line = new byte[AccessLogQueue.ChunkBytes / 2];
        for (var i = 0; i < 3; i++)
        {
            flusher.Append(line);
        }

        _output.Written.Wait(Waiting.Patience).ShouldBeTrue();
    }

    [Fact]
    public void Line_LargerThanAChunk_StaysWhole()
    {
        var flusher = Flusher();
        var large = new string('x', (3 * AccessLogQueue.ChunkBytes) + 1);
        flusher.Append("a\n"u8);
        flusher.Append(Encoding.ASCII.GetBytes(large + "\n"));
        flusher.Append("b\n"u8);
        flusher.Dispose();
        _output.Lines().ShouldBe(["a", large, "b"]);
    }

    [Fact]
    public void Output_Stuck_DropsBeyondTheBudgetAndKeepsTheRest()
    {
        const long Budget = 1024 * 1024;
        var stuck = new MemoryOutput { Gate = new ManualResetEventSlim() };
        var flusher = new AccessLogFlusher("test", stuck, _store, new AccessLogStats(_store.Root), interval: Timeout.InfiniteTimeSpan, maxBufferedBytes: Budget);
        var line = new byte[1000];
        line.AsSpan().Fill((byte)'x');
        line[^1] = (byte)'\n';
        const int Lines = 10_000;
        StatsStoreTests.RunThreads(1, _ =>
        {
            _store.EnterWorker(0);
            for (var i = 0; i < Lines; i++)
            {
                flusher.Append(line);
            }
        });

        // The disk has taken nothing, and the worker came through: what is kept stays within the budget.
        var kept = Value("write_buffered");
        (kept * line.Length).ShouldBeInRange(Budget / 2, Budget);
        Value("write_dropped").ShouldBe(Lines - kept);
        stuck.Gate.Set();
        flusher.Flush();
        stuck.Lines().Length.ShouldBe((int)kept);

        // And the room is there again.
        flusher.Append(line);
        flusher.Dispose();
        stuck.Lines().Length.ShouldBe((int)kept + 1);
        Value("write_dropped").ShouldBe(Lines - kept);
    }

    [Fact]
    public void Output_Failing_CountsAndGoesOn()
    {
        var flusher = Flusher();
        _output.Fails = true;
        flusher.Append("lost\n"u8);
        flusher.Flush();
        _output.Fails = false;
        flusher.Append("kept\n"u8);
        flusher.Dispose();
        _output.Text().ShouldBe("kept\n");
        Value("write_failed").ShouldBe(1);
        Value("write_completed").ShouldBe(1);
        Value("write_total_buffered").ShouldBe(0);
    }

    [Fact]
    public void Reopen_Failing_KeepsTheOldOutput()
    {
        var flusher = Flusher();
        _output.Fails = true;
        flusher.Reopen();
        flusher.Flush();
        _output.Fails = false;
        flusher.Append("kept\n"u8);
        flusher.Dispose();
        Value("reopen_failed").ShouldBe(1);
        _output.Text().ShouldBe("kept\n");
    }

    [Fact]
    public void Append_AfterDispose_IsDroppedAndCounted()
    {
        var flusher = Flusher();
        flusher.Dispose();
        flusher.Append("late\n"u8);
        flusher.Flush();
        flusher.Reopen();
        flusher.Dispose();
        Value("write_dropped").ShouldBe(1);
    }

    [Fact]
    public void Append_OnAWorkerInSteadyState_AllocatesNothing()
    {
        using var flusher = Flusher();
        long allocated = -1;
        StatsStoreTests.RunThreads(1, _ =>
        {
            _store.EnterWorker(0);
            flusher.Append("warm\n"u8);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 500; i++)
            {
                flusher.Append("a line of the log that is a hundred bytes or so, which is what lines are like, more or less\n"u8);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        allocated.ShouldBeLessThan(Allocations.Noise);
    }

    // Never by time: only Flush, a full chunk or Dispose writes.
    private AccessLogFlusher Flusher() => new("test", _output, _store, new AccessLogStats(_store.Root), interval: Timeout.InfiniteTimeSpan);

    private long Value(string name) => ((CellStat)_store.Find("filesystem." + name)!).Value;

    private sealed class MemoryOutput : IAccessLogOutput
    {
        private readonly MemoryStream _bytes = new();

        public ManualResetEventSlim? Gate { get; init; }

        public ManualResetEventSlim Written { get; } = new();

        public volatile bool Fails;

        public bool Disposed { get; private set; }

        public void Write(ReadOnlySpan<byte> lines)
        {
            Gate?.Wait();
            ThrowIfFailing();
            lock (_bytes)
            {
                _bytes.Write(lines);
            }

            Written.Set();
        }

        public void Reopen() => ThrowIfFailing();

        public void Dispose() => Disposed = true;

        public string Text()
        {
            lock (_bytes)
            {
                return Encoding.UTF8.GetString(_bytes.ToArray());
            }
        }

        public string[] Lines() => Text().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        private void ThrowIfFailing()
        {
            if (Fails)
            {
                throw new IOException("no space left on device");
            }
        }
    }
}
