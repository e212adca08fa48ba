using System.Globalization;
using MeshProxy.Core.Config;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Listeners;

/// <summary><c>listener.ADDRESS.</c></summary>
internal sealed class ListenerStats : IDisposable
{
    private readonly Counter[] _workerTotal;
    private readonly Gauge[] _workerActive;

    public ListenerStats(StatsStore store, ListenerConfig config)
    {
        var prefix = config.StatPrefix.Length > 0 ? config.StatPrefix : config.Address.ToString()!.Replace(':', '_');
        Scope = store.Root.OwnedScope("listener." + prefix);
        ConnectionsTotal = Scope.Counter("downstream_cx_total");
        ConnectionsDestroyed = Scope.Counter("downstream_cx_destroy");
        ConnectionsActive = Scope.Gauge("downstream_cx_active");
        ConnectionLengthMs = Scope.Histogram("downstream_cx_length_ms");
        Overflow = Scope.Counter("downstream_cx_overflow");
        PreConnectionTimeout = Scope.Counter("downstream_pre_cx_timeout");
        PreConnectionsActive = Scope.Gauge("downstream_pre_cx_active");
        TransportSocketConnectTimeout = Scope.Counter("downstream_cx_transport_socket_connect_timeout");
        NoFilterChainMatch = Scope.Counter("no_filter_chain_match");
        var workers = Enumerable.Range(0, store.WorkerCount).Select(i => Scope.Scope(string.Create(CultureInfo.InvariantCulture, $"worker_{i}"))).ToArray();
        _workerTotal = [.. workers.Select(w => w.Counter("downstream_cx_total"))];
        _workerActive = [.. workers.Select(w => w.Gauge("downstream_cx_active"))];
    }

    public StatsScope Scope { get; }

    public Counter ConnectionsTotal { get; }

    public Counter ConnectionsDestroyed { get; }

    public Gauge ConnectionsActive { get; }

    public Histogram ConnectionLengthMs { get; }

    /// <summary>Connections past the listener's limit.</summary>
    public Counter Overflow { get; }

    /// <summary>Connections whose listener filters ran out of time.</summary>
    public Counter PreConnectionTimeout { get; }

    /// <summary>Sockets that listener filters look at.</summary>
    public Gauge PreConnectionsActive { get; }

    public Counter NoFilterChainMatch { get; }

    /// <summary>Handshakes that took too long.</summary>
    public Counter TransportSocketConnectTimeout { get; }

    public void ConnectionBegan(int worker)
    {
        ConnectionsTotal.Increment();
        ConnectionsActive.Increment();
        _workerTotal[worker].Increment();
        _workerActive[worker].Increment();
    }

    public void ConnectionEnded(int worker, long lengthMs)
    {
        ConnectionsDestroyed.Increment();
        ConnectionsActive.Decrement();
        _workerActive[worker].Decrement();
        ConnectionLengthMs.Record(lengthMs);
    }

    public void Dispose() => Scope.Dispose();
}
