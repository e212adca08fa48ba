using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.ConnectionLimit;

/// <summary>The count of one configured filter's connections, which all workers share.</summary>
internal sealed class ConnectionLimitFilterFactory(ConnectionLimitConfig config, NetworkFilterFactoryContext context) : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.connection_limit";

    private long _connections;

    public bool IsTerminal => false;

    public ConnectionLimitStats Stats { get; } = new(context.Stats.Scope("connection_limit." + config.StatPrefix));

    public long DelayMs { get; } = (long)Math.Ceiling(config.Delay.TotalMilliseconds);

    public INetworkFilterBase Create(EventLoop worker) => new ConnectionLimitFilter(this);

    /// <summary>Takes one of the places. Any worker.</summary>
    public bool TryEnter()
    {
        var now = Volatile.Read(ref _connections);
        while (now < config.MaxConnections)
        {
            var seen = Interlocked.CompareExchange(ref _connections, now + 1, now);
            if (seen == now)
            {
                Stats.ActiveConnections.Increment();
                return true;
            }

            now = seen;
        }

        return false;
    }

    public void Leave()
    {
        Interlocked.Decrement(ref _connections);
        Stats.ActiveConnections.Decrement();
    }

    public void Dispose()
    {
        // Connections that outlive the configuration still leave.
    }
}
