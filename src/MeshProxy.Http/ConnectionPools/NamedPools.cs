using System.Net;
using System.Text;
using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>One worker's pools of one host: one for each version of HTTP, and for each server name where requests name the server.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class NamedPools
{
    /// <summary>Server names with pools of their own. Clients choose them, so there is an end to it: the one that rested longest gives way.</summary>
    public const int MaxServerNames = 256;

    private const int MaxNameBytes = 255;

    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly UpstreamHttpOptions _options;
    private readonly TransportSocketOptions _transport;
    private readonly Pools _unnamed;
    private readonly Dictionary<string, Pools>? _named;
    private TcpConnectionPool? _tcp;
    private bool _draining;

    /// <param name="cluster">The worker's view of the cluster.</param>
    /// <param name="host">The host.</param>
    /// <param name="options">The cluster's HTTP.</param>
    /// <param name="transport">What all connections here have in common.</param>
    public NamedPools(WorkerCluster cluster, Host host, UpstreamHttpOptions options, TransportSocketOptions transport)
    {
        _cluster = cluster;
        _host = host;
        _options = options;
        _transport = transport;
        _unnamed = new Pools(this, null);
        if ((_options.AutoSni || _options.AutoSanValidation) && cluster.Info.TransportSocket is { IsSecure: true })
        {
            _named = new Dictionary<string, Pools>(StringComparer.Ordinal);
        }
    }

    /// <summary>By the loop's clock.</summary>
    public long LastUsedUs { get; set; }

    /// <summary>The pool that is to carry a request.</summary>
    public ConnectionPool Select(RequestHeaders headers)
    {
        var pools = _named is null ? _unnamed : FindByName(headers);
        var protocol = !_options.UsesDownstreamProtocol ? _options.Protocol : headers.HttpVersion == 20 ? PoolProtocol.Http2 : PoolProtocol.Http1;
        return pools.Of(protocol);
    }

    /// <summary>Plain connections, each for one tunnel.</summary>
    public ConnectionPool SelectTcp() => _tcp ??= new TcpConnectionPool(_cluster, _host, _transport);

    public void Drain()
    {
        _draining = true;
        _unnamed.Drain();
        _tcp?.Drain();
        if (_named is not null)
        {
            foreach (var pools in _named.Values)
            {
                pools.Drain();
            }
        }
    }

    private static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> host)
    {
        if (host is [(byte)'[', ..])
        {
            var end = host.IndexOf((byte)']');
            return end > 0 ? host[1..end] : host;
        }

        var colon = host.LastIndexOf((byte)':');
        return colon >= 0 ? host[..colon] : host;
    }

    private Pools FindByName(RequestHeaders headers)
    {
        var given = headers.Get(_options.ServerNameHeader);
        var host = WithoutPort(given.IsEmpty ? headers.Authority : given);
        if (host.Length is 0 or > MaxNameBytes)
        {
            return _unnamed;
        }

        Span<char> chars = stackalloc char[MaxNameBytes];
        if (Ascii.ToLower(host, chars, out var length) != System.Buffers.OperationStatus.Done)
        {
            return _unnamed;
        }

        var name = (ReadOnlySpan<char>)chars[..length];
        if (!_named!.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var pools))
        {
            pools = Add(name.ToString());
        }

        pools.LastUsedUs = _cluster.Loop.NowUs;
        return pools;
    }

    private Pools Add(string name)
    {
        if (_named!.Count >= MaxServerNames)
        {
            var oldest = _named.MinBy(static pair => pair.Value.LastUsedUs);
            _named.Remove(oldest.Key);
            oldest.Value.Drain();
        }

        var isAddress = IPAddress.TryParse(name, out _);
        var pools = new Pools(this, new ServerName(_options.AutoSni && !isAddress ? name : null, _options.AutoSanValidation ? name : null));
        _named[name] = pools;
        return pools;
    }

    /// <summary>The pools of one server name.</summary>
    private sealed class Pools(NamedPools owner, ServerName? name)
    {
        private HttpConnectionPool? _main;
        private HttpConnectionPool? _http2;

        public long LastUsedUs { get; set; }

        public HttpConnectionPool Of(PoolProtocol protocol)
        {
            ref var pool = ref (protocol == PoolProtocol.Http2 ? ref _http2 : ref _main);
            return pool ??= Create(protocol);
        }

        public void Drain()
        {
            _main?.Drain();
            _http2?.Drain();
        }

        private HttpConnectionPool Create(PoolProtocol protocol)
        {
            var pool = new HttpConnectionPool(owner._cluster, owner._host, protocol, owner._options, owner._transport, name);
            if (owner._draining)
            {
                pool.Drain();
            }

            return pool;
        }
    }
}
