using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;

namespace MeshProxy.Core.Listeners;

/// <summary>One configured filter chain: its factories, and whether it drains. Made on the control side, shared by all workers.</summary>
internal sealed class FilterChain : IDisposable
{
    private readonly WorkerPart[] _workers;
    private INetworkFilterFactory[] _factories = [];
    private volatile bool _draining;

    public FilterChain(FilterChainConfig config, int workerCount)
    {
        Config = config;
        _workers = new WorkerPart[workerCount];
        for (var i = 0; i < workerCount; i++)
        {
            _workers[i] = new WorkerPart();
        }
    }

    public FilterChainConfig Config { get; }

    public ReadOnlySpan<INetworkFilterFactory> Factories => _factories;

    /// <summary>Null: plain bytes.</summary>
    public ITransportSocketFactory? TransportSocket { get; private set; }

    /// <summary>Whether its connections are to end: it was changed or removed, or the server stops. Any thread.</summary>
    public bool IsDraining => _draining;

    /// <summary>Sets the factories, before any worker knows of the chain.</summary>
    public void SetFactories(INetworkFilterFactory[] factories, ITransportSocketFactory? transportSocket)
    {
        _factories = factories;
        TransportSocket = transportSocket;
    }

    public void BeginDrain() => _draining = true;

    /// <summary>A connection got this chain. On the connection's worker.</summary>
    public void ConnectionBegan(int worker) => _workers[worker].Connections++;

    /// <summary>A connection of this chain is gone. On the connection's worker.</summary>
    public void ConnectionEnded(int worker)
    {
        var part = _workers[worker];
        if (--part.Connections == 0)
        {
            part.WhenEmpty?.Invoke();
            part.WhenEmpty = null;
        }
    }

    /// <summary>Calls back on this worker when it has no connection of this chain: now, or when the last one ends.</summary>
    public void WhenEmpty(int worker, Action callback)
    {
        if (_workers[worker].Connections == 0)
        {
            callback();
        }
        else
        {
            _workers[worker].WhenEmpty = callback;
        }
    }

    public void Dispose()
    {
        foreach (var factory in _factories)
        {
            factory.Dispose();
        }

        TransportSocket?.Dispose();
    }

    /// <summary>An object each, so that workers do not write to one cache line.</summary>
    private sealed class WorkerPart
    {
        public int Connections;
        public Action? WhenEmpty;
    }
}
