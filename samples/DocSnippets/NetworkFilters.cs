using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;

namespace MeshProxy.Samples.DocSnippets;

/// <summary>docs/network-filters.md.</summary>
internal static class NetworkFilters
{
    public static void Inline(FilterChainBuilder chain)
    {
        chain
            .Filter("acme.first_byte", _ => new FirstByteFilter())
            .TcpProxy("orders", "orders");
    }

    public static void Named(MeshProxyBuilder proxy)
    {
        proxy.AddNetworkFilter<AuditConfig>("acme.audit", (config, context) => new AuditFilterFactory(config, context));
    }

    public static void TcpProxy(FilterChainBuilder chain)
    {
        chain
            .LocalRateLimit(new() { StatPrefix = "orders", TokenBucket = new() { MaxTokens = 100, TokensPerFill = 10, FillInterval = TimeSpan.FromSeconds(1) } })
            .ConnectionLimit(new() { StatPrefix = "orders", MaxConnections = 1000, Delay = TimeSpan.FromMilliseconds(100) })
            .TcpProxy(new TcpProxyConfig
            {
                StatPrefix = "orders",
                WeightedClusters = [new("orders", 90), new("orders-canary", 10)],
                MaxConnectAttempts = 3,
            });
    }
}

/// <summary>Closes connections whose first byte is a letter.</summary>
sealed class FirstByteFilter : IReadFilter
{
    private INetworkFilterCallbacks _callbacks = null!;
    private bool _seen;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public ValueTask<FilterStatus> OnNewConnectionAsync() => new(FilterStatus.Continue);

    public ValueTask<FilterStatus> OnDataAsync(IoBuffer data, bool endStream)
    {
        if (!_seen && !data.IsEmpty)
        {
            _seen = true;
            if (char.IsAsciiLetter((char)data.FirstSpan[0]))
            {
                _callbacks.Connection.Close(CloseType.NoFlush);
                return new(FilterStatus.StopIteration);
            }
        }

        return new(FilterStatus.Continue);
    }
}

sealed record AuditConfig(string StatName);

sealed class AuditFilterFactory(AuditConfig config, NetworkFilterFactoryContext context) : INetworkFilterFactory
{
    private readonly Counter _connections = context.Stats.Scope("audit").Counter(config.StatName);

    public bool IsTerminal => false;

    public INetworkFilterBase Create(EventLoop worker)
    {
        _connections.Increment();
        return new FirstByteFilter();
    }

    public void Dispose()
    {
    }
}

/// <summary>docs/listeners.md.</summary>
internal static class Listeners
{
    public static void Matching(MeshProxyBuilder proxy)
    {
        proxy.Listener("ingress", "[::]:8080", listener => listener
            .Configure(config => config with { Ipv4Compat = true, ConnectionBalanceConfig = ConnectionBalance.ExactBalance })
            .MaxConnections(20_000)
            .FilterChain("office", chain => chain
                .Match(new FilterChainMatchConfig { SourcePrefixRanges = [CidrRange.Parse("10.0.0.0/8")] })
                .TcpProxy("office", "orders"))
            .DefaultFilterChain(chain => chain.DirectResponse("not from here\n")));
    }

    public static void Peek(ListenerBuilder listener)
    {
        listener.ListenerFilter("acme.magic", _ => new MagicFilter());
    }
}

sealed class MagicFilter : IListenerFilter
{
    public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
    {
        while (callbacks.Peeked.Length < 4)
        {
            if (!(await callbacks.PeekAsync()).IsOk)
            {
                return FilterStatus.StopIteration; // closes the connection
            }
        }

        var magic = new byte[4];
        callbacks.Peeked.CopyTo(magic);
        if (magic.AsSpan().SequenceEqual("ACME"u8))
        {
            callbacks.RequestedApplicationProtocols = ["acme"];
            callbacks.Peeked.Drain(4); // the filter chain does not see these
        }

        return FilterStatus.Continue;
    }
}
