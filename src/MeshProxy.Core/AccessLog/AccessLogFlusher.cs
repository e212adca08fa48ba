using MeshProxy.Core.Stats;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.AccessLog;

/// <summary>One output (a file, the app's loggers) and the thread that writes to it, so that no worker ever waits for a disk.</summary>
/// <remarks>
/// <see cref="Append"/> is for any thread: each worker has a queue of its own, all other threads share one under a lock. The thread writes when a
/// worker has filled 64 KiB, and each interval. What exceeds the budget, while the output is stuck, is dropped and counted.
/// </remarks>
internal sealed partial class AccessLogFlusher : IDisposable
{
    /// <summary>Envoy: <c>file_flush_interval_msec</c>.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    /// <summary>The most bytes that wait for one output, over all workers: 32 MiB (and at least 128 KiB a worker).</summary>
    public const long DefaultMaxBufferedBytes = 32 * 1024 * 1024;

    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(10);

    private readonly IAccessLogOutput _output;
    private readonly StatsStore _store;
    private readonly AccessLogStats _stats;
    private readonly ILogger? _logger;
    private readonly TimeSpan _interval;
    private readonly AccessLogQueue[] _queues;
    private readonly Lock _sharedLock = new();
    private readonly Thread _thread;
    private readonly object _flushLock = new();

    // Not disposed: a late Append may still set it.
    private readonly AutoResetEvent _wake = new(false);
    private long _flushAsked;
    private long _flushDone;
    private volatile bool _reopen;
    private volatile bool _stop;
    private bool _ended;
    private bool _failing;

    public AccessLogFlusher(
        string name,
        IAccessLogOutput output,
        StatsStore store,
        AccessLogStats stats,
        ILogger? logger = null,
        TimeSpan? interval = null,
        long maxBufferedBytes = DefaultMaxBufferedBytes)
    {
        Name = name;
        _output = output;
        _store = store;
        _stats = stats;
        _logger = logger;
        _interval = interval ?? DefaultInterval;
        var budget = new AccessLogBudget(Math.Max(maxBufferedBytes, 2L * AccessLogQueue.ChunkBytes * (store.WorkerCount + 1)));
        _queues = new AccessLogQueue[store.WorkerCount + 1];
        for (var i = 0; i < _queues.Length; i++)
        {
            _queues[i] = new AccessLogQueue(budget);
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "mesh-log " + name };
        _thread.UnsafeStart();
    }

    /// <summary>The file's path, or another name for logs and errors.</summary>
    public string Name { get; }

    /// <summary>Queues one line. Never blocks on a worker; a line that finds no room is dropped and counted.</summary>
    public void Append(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty)
        {
            return;
        }

        if (_stop)
        {
            _stats.WriteDropped.Increment();
            return;
        }

        AccessLogQueue.Result result;
        var shard = StatsShard.Current;
        if (shard is not null && shard.Store == _store)
        {
            result = _queues[shard.Index].Append(line);
        }
        else
        {
            lock (_sharedLock)
            {
                result = _queues[^1].Append(line);
            }
        }

        if (result == AccessLogQueue.Result.Dropped)
        {
            _stats.WriteDropped.Increment();
            return;
        }

        _stats.WriteBuffered.Increment();
        _stats.WriteTotalBuffered.Add(line.Length);
        if (result == AccessLogQueue.Result.ChunkFull)
        {
            _wake.Set();
        }
    }

    /// <summary>Asks the thread to open the output anew after it has written what waits.</summary>
    public void Reopen()
    {
        _reopen = true;
        _wake.Set();
    }

    /// <summary>Returns when everything appended before, and a <see cref="Reopen"/> asked for before, is done. Blocks: not on a worker.</summary>
    public void Flush()
    {
        lock (_flushLock)
        {
            var mine = ++_flushAsked;
            _wake.Set();
            while (_flushDone < mine && !_ended)
            {
                Monitor.Wait(_flushLock);
            }
        }
    }

    /// <summary>
    /// Writes what waits and closes the output. Stop the workers first: what they append from now on is dropped. Waits at most 10 s for a stuck output.
    /// </summary>
    public void Dispose()
    {
        if (_stop)
        {
            return;
        }

        _stop = true;
        _wake.Set();
        if (!_thread.Join(DisposeTimeout))
        {
            Report(static (logger, _, name) => LogStuck(logger, name, DisposeTimeout.TotalSeconds));
        }
    }

    private void Run()
    {
        for (var stop = false; !stop;)
        {
            var woken = _wake.WaitOne(_interval);
            stop = _stop;
            var asked = Volatile.Read(ref _flushAsked);
            var wrote = false;
            foreach (var queue in _queues)
            {
                wrote |= Drain(queue);
            }

            if (wrote && !woken)
            {
                _stats.FlushedByTimer.Increment();
            }

            if (_reopen)
            {
                _reopen = false;
                TryReopen();
            }

            lock (_flushLock)
            {
                _flushDone = asked;
                _ended = stop;
                Monitor.PulseAll(_flushLock);
            }
        }

        try
        {
            _output.Dispose();
        }
        catch (Exception e)
        {
            Failed(e);
        }
    }

    private bool Drain(AccessLogQueue queue)
    {
        var wrote = false;
        for (var lines = queue.Peek(); !lines.IsEmpty; lines = queue.Peek())
        {
            try
            {
                _output.Write(lines);
                _stats.WriteCompleted.Increment();
                _failing = false;
            }
            catch (Exception e)
            {
                // A full disk today, an app's logger that throws: the lines are lost, the thread is not.
                Failed(e);
            }

            _stats.WriteTotalBuffered.Sub(lines.Length);
            queue.Consume(lines.Length);
            wrote = true;
        }

        return wrote;
    }

    private void TryReopen()
    {
        try
        {
            _output.Reopen();
        }
        catch (Exception e)
        {
            _stats.ReopenFailed.Increment();
            Report(static (logger, e, name) => LogReopenFailed(logger, e!, name), e);
        }
    }

    private void Failed(Exception exception)
    {
        _stats.WriteFailed.Increment();
        if (!_failing)
        {
            Report(static (logger, e, name) => LogFailed(logger, e!, name), exception);
        }

        // One line in the log until a write succeeds again.
        _failing = true;
    }

    private void Report(Action<ILogger, Exception?, string> log, Exception? exception = null)
    {
        try
        {
            if (_logger is not null)
            {
                log(_logger, exception, Name);
            }
        }
        catch (Exception)
        {
            // The app's logger fails as well: the counters tell.
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The access log {Name} cannot be written; lines are lost until it can")]
    private static partial void LogFailed(ILogger logger, Exception exception, string name);

    [LoggerMessage(2, LogLevel.Error, "The access log {Name} cannot be opened again; the old file stays in use")]
    private static partial void LogReopenFailed(ILogger logger, Exception exception, string name);

    [LoggerMessage(3, LogLevel.Error, "The access log {Name} has not taken its last lines within {Seconds} s; they are lost")]
    private static partial void LogStuck(ILogger logger, string name, double seconds);
}
