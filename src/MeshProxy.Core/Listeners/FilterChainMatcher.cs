using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.Listeners;

/// <summary>Finds the filter chain of a connection.</summary>
/// <remarks>
/// <para>
/// The chains' criteria are compiled into levels, in Envoy's order: destination port, destination address, server name, transport
/// protocol, application protocols, directly connected source, source type, source address, source port. At each level the most
/// specific value that fits the connection leads on to the next one: a destination port rather than any, the longest prefix, a whole
/// server name, then the longest wildcard, then any. There is no way back: if the branch so chosen fits no further, the connection
/// gets the default chain, even where a less specific branch would have fitted (Envoy: config.listener.v3.FilterChainMatch, which
/// describes it as pruning the set of chains step by step).
/// </para>
/// <para>
/// Where Envoy leaves it open: <c>0.0.0.0/0</c> is more specific than no range at all; a Unix or internal address has neither
/// port nor range, so that it only fits chains without these criteria; all of 127.0.0.0/8 is loopback.
/// </para>
/// <para>Immutable, safe from any thread; a match allocates nothing.</para>
/// </remarks>
internal sealed class FilterChainMatcher<T>
    where T : class
{
    private readonly ExactLevel<int, PrefixLevel<ServerNameLevel>> _destinationPorts = new();
    private readonly T? _defaultChain;

    /// <param name="configs">The chains' configs.</param>
    /// <param name="chains">What is returned for each of them.</param>
    /// <param name="defaultChain">What is returned where none fits.</param>
    /// <exception cref="ConfigException">Two chains are for the same criteria, or a server name is not valid.</exception>
    public FilterChainMatcher(EquatableArray<FilterChainConfig> configs, IReadOnlyList<T> chains, T? defaultChain)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(chains.Count, configs.Count);
        var errors = new ConfigErrors();
        FilterChainMatchValidator.Validate(configs, errors);
        errors.ThrowIfAny();
        _defaultChain = defaultChain;
        for (var i = 0; i < chains.Count; i++)
        {
            foreach (var key in FilterChainMatchKey.Expand(configs[i].FilterChainMatch))
            {
                Add(key, chains[i]);
            }
        }

        _destinationPorts.Seal();
    }

    /// <returns>The chain, else the default chain, else null: close the connection.</returns>
    public T? Match(in FilterChainMatchInput input) => Find(input) ?? _defaultChain;

    private T? Find(in FilterChainMatchInput input)
    {
        var destination = input.DestinationAddress as SocketAddress;
        IpBits? destinationIp = destination is null ? null : IpBits.From(destination.Address);
        var source = input.SourceAddress as SocketAddress;
        IpBits? sourceIp = source is null ? null : IpBits.From(source.Address);
        var directSource = input.DirectSourceAddress as SocketAddress;
        IpBits? directSourceIp = directSource is null ? null
            : ReferenceEquals(directSource, source) ? sourceIp
            : IpBits.From(directSource.Address);

        return _destinationPorts.Find(destination?.Port ?? 0)
            ?.Find(destinationIp)
            ?.Find(input.ServerName)
            ?.Find(input.TransportProtocol)
            ?.Find(input.ApplicationProtocols)
            ?.Find(directSourceIp)
            ?.Find(sourceIp, destinationIp)
            ?.Find(sourceIp)
            ?.Find(source?.Port ?? 0);
    }

    private void Add(in FilterChainMatchKey key, T chain) => _destinationPorts
        .GetOrAdd(key.DestinationPort, any: key.DestinationPort == 0)
        .GetOrAdd(key.Destination)
        .GetOrAdd(key.ServerName)
        .GetOrAdd(key.TransportProtocol, any: key.TransportProtocol.Length == 0)
        .GetOrAdd(key.ApplicationProtocol, any: key.ApplicationProtocol.Length == 0)
        .GetOrAdd(key.DirectSource)
        .GetOrAdd(key.SourceType)
        .GetOrAdd(key.Source)
        .Add(key.SourcePort, chain);

    /// <summary>A level of the tree.</summary>
    private interface ILevel
    {
        /// <summary>Nothing is added any more: turns what served building into what serves looking up.</summary>
        void Seal();
    }

    /// <summary>A value or any.</summary>
    private class ExactLevel<TKey, TNext> : ILevel
        where TKey : notnull
        where TNext : class, ILevel, new()
    {
        private Dictionary<TKey, TNext>? _values;
        private TNext? _any;

        public TNext? Find(TKey value) => _values is not null && _values.TryGetValue(value, out var next) ? next : _any;

        public TNext GetOrAdd(TKey value, bool any)
        {
            if (any)
            {
                return _any ??= new();
            }

            _values ??= [];
            return _values.TryGetValue(value, out var next) ? next : _values[value] = new();
        }

        public void Seal()
        {
            _any?.Seal();
            foreach (var next in _values?.Values ?? Enumerable.Empty<TNext>())
            {
                next.Seal();
            }
        }

        protected bool TryFindExact(TKey value, out TNext? next)
        {
            next = null;
            return _values is not null && _values.TryGetValue(value, out next);
        }

        protected TNext? FindAny() => _any;
    }

    /// <summary>The longest prefix or any.</summary>
    private sealed class PrefixLevel<TNext> : ILevel
        where TNext : class, ILevel, new()
    {
        private Dictionary<CidrRange, TNext>? _ranges;
        private IpPrefixMap<TNext>? _map;
        private TNext? _any;

        public TNext? Find(in IpBits? address) => _map is not null && address is { } bits ? _map.Find(bits) ?? _any : _any;

        public TNext GetOrAdd(CidrRange? range)
        {
            if (range is null)
            {
                return _any ??= new();
            }

            _ranges ??= [];
            return _ranges.TryGetValue(range, out var next) ? next : _ranges[range] = new();
        }

        public void Seal()
        {
            _any?.Seal();
            if (_ranges is null)
            {
                return;
            }

            _map = new IpPrefixMap<TNext>(_ranges);
            foreach (var next in _ranges.Values)
            {
                next.Seal();
            }

            _ranges = null;
        }
    }

    /// <summary>The whole name, the longest wildcard, or any.</summary>
    private sealed class ServerNameLevel : ILevel
    {
        private Dictionary<string, TransportProtocolLevel>? _names;
        private Dictionary<string, TransportProtocolLevel>? _wildcards; // by what follows "*."
        private TransportProtocolLevel? _any;

        public TransportProtocolLevel? Find(ReadOnlySpan<char> name)
        {
            if (name.IsEmpty)
            {
                return _any;
            }

            if (_names is not null && _names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var next))
            {
                return next;
            }

            if (_wildcards is not null)
            {
                var wildcards = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();

                // A wildcard stands for one label at least, and more of them: www.example.com is tried under *.example.com, then *.com.
                var rest = name[1..];
                while (rest.IndexOf('.') is var dot and >= 0)
                {
                    rest = rest[(dot + 1)..];
                    if (wildcards.TryGetValue(rest, out next))
                    {
                        return next;
                    }
                }
            }

            return _any;
        }

        public TransportProtocolLevel GetOrAdd(string name)
        {
            if (name.Length == 0)
            {
                return _any ??= new();
            }

            var wildcard = name.StartsWith(FilterChainMatchKey.WildcardStart, StringComparison.Ordinal);
            var names = wildcard ? _wildcards ??= new(StringComparer.Ordinal) : _names ??= new(StringComparer.Ordinal);
            var key = wildcard ? name[FilterChainMatchKey.WildcardStart.Length..] : name;
            return names.TryGetValue(key, out var next) ? next : names[key] = new();
        }

        public void Seal()
        {
            _any?.Seal();
            foreach (var next in (_names?.Values ?? Enumerable.Empty<TransportProtocolLevel>()).Concat(_wildcards?.Values ?? Enumerable.Empty<TransportProtocolLevel>()))
            {
                next.Seal();
            }
        }
    }

    private sealed class TransportProtocolLevel : ExactLevel<string, ApplicationProtocolLevel>;

    /// <summary>The first of the client's list that a chain asks for, or any.</summary>
    private sealed class ApplicationProtocolLevel : ExactLevel<string, PrefixLevel<SourceTypeLevel>>
    {
        public PrefixLevel<SourceTypeLevel>? Find(ReadOnlySpan<string> protocols)
        {
            foreach (var protocol in protocols)
            {
                if (TryFindExact(protocol, out var next))
                {
                    return next;
                }
            }

            return FindAny();
        }
    }

    /// <summary>This host or not, or any.</summary>
    private sealed class SourceTypeLevel : ILevel
    {
        private PrefixLevel<SourcePortLevel>? _any;
        private PrefixLevel<SourcePortLevel>? _local;
        private PrefixLevel<SourcePortLevel>? _external;

        public PrefixLevel<SourcePortLevel>? Find(in IpBits? source, in IpBits? destination) =>
            (IsSameIpOrLoopback(source, destination) ? _local : _external) ?? _any;

        public PrefixLevel<SourcePortLevel> GetOrAdd(ConnectionSourceType type) => type switch
        {
            ConnectionSourceType.SameIpOrLoopback => _local ??= new(),
            ConnectionSourceType.External => _external ??= new(),
            _ => _any ??= new(),
        };

        public void Seal()
        {
            _any?.Seal();
            _local?.Seal();
            _external?.Seal();
        }

        private static bool IsSameIpOrLoopback(in IpBits? source, in IpBits? destination) =>
            source is not { } address || address.IsLoopback || (destination is { } other && other == address);
    }

    /// <summary>The last level: the port or any.</summary>
    private sealed class SourcePortLevel : ILevel
    {
        private Dictionary<int, T>? _ports;
        private T? _any;

        public T? Find(int port) => _ports is not null && _ports.TryGetValue(port, out var chain) ? chain : _any;

        public void Add(int port, T chain)
        {
            if (port == 0)
            {
                _any = chain;
            }
            else
            {
                (_ports ??= []).Add(port, chain);
            }
        }

        public void Seal()
        {
        }
    }
}
