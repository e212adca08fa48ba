using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Event;

/// <summary>
/// Counts and logs workers that have not returned to their loop for too long (Envoy's watchdog). A worker that waits for
/// events is not late.
/// </summary>
/// <remarks>One thread for all loops of a server. A turn counts at most once as a miss and once as a megamiss.</remarks>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly WatchdogOptions _options;
    private readonly Watched[] _watched;
    private readonly ManualResetEventSlim _stop = new();
    private Thread? _thread;
    private long _misses;
    private long _megaMisses;

    public Watchdog(IReadOnlyList<EventLoop> loops, WatchdogOptions options)
    {
        _options = options;
        _watched = loops.Select(loop => new Watched { Loop = loop }).ToArray();
    }

    /// <summary>Turns that took longer than <see cref="WatchdogOptions.Miss"/>.</summary>
    public long Misses => Volatile.Read(ref _misses);

    /// <summary>Turns that took longer than <see cref="WatchdogOptions.MegaMiss"/>.</summary>
    public long MegaMisses => Volatile.Read(ref _megaMisses);

    private struct Watched
    {
        public EventLoop Loop;
        public long MissedTurnUs;
        public long MegaMissedTurnUs;
    }

    public void Start()
    {
        _thread = new Thread(static state => ((Watchdog)state!).Run()) { Name = "mp-watchdog", IsBackground = true };
        _thread.UnsafeStart(this);
    }

    /// <summary>Looks at every loop once. The watchdog's thread does it every 100 ms.</summary>
    public void Check()
    {
        for (var i = 0; i < _watched.Length; i++)
        {
            Check(ref _watched[i]);
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.Wait(Interval))
        {
            Check();
        }
    }

    private void Check(ref Watched watched)
    {
        var loop = watched.Loop;
        var sinceUs = loop.BusySinceUs;
        if (sinceUs == 0)
        {
            return;
        }

        var elapsed = TimeSpan.FromMicroseconds(loop.Clock.NowUs - sinceUs);
        if (elapsed >= _options.Miss && watched.MissedTurnUs != sinceUs)
        {
            watched.MissedTurnUs = sinceUs;
            Interlocked.Increment(ref _misses);
            _options.Stats?.Miss(loop.Index);
            EventLoopLog.Miss(_options.Logger, loop.Index, (long)elapsed.TotalMilliseconds);
        }

        if (elapsed >= _options.MegaMiss && watched.MegaMissedTurnUs != sinceUs)
        {
            watched.MegaMissedTurnUs = sinceUs;
            Interlocked.Increment(ref _megaMisses);
            _options.Stats?.MegaMiss(loop.Index);
            EventLoopLog.MegaMiss(_options.Logger, loop.Index, (long)elapsed.TotalMilliseconds);
        }
    }
}
