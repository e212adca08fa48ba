using System.Net.Sockets;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Config;

/// <summary>Checks a listener by itself.</summary>
internal sealed class ListenerConfigValidator(ExtensionValidator extensions, IReadOnlySet<string> clusterNames) : IConfigValidator<ListenerConfig>
{
    public void Validate(ListenerConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.Name, "name");
        ValidateAddresses(config, errors);
        errors.RequireDuration(config.ListenerFiltersTimeout, "listener_filters_timeout");
        CommonConfigValidation.ValidateBufferLimit(config.PerConnectionBufferLimitBytes, errors);
        errors.RequireAtLeast(config.TcpBacklogSize, 1, "tcp_backlog_size");
        errors.RequireAtLeast(config.MaxConnectionsToAcceptPerSocketEvent, 1, "max_connections_to_accept_per_socket_event");
        errors.RequireAtLeast(config.MaxConnections, 0, "max_connections");
        errors.RequireDefined(config.ConnectionBalanceConfig, "connection_balance_config");
        errors.RequireDefined(config.TrafficDirection, "traffic_direction");
        errors.RequireDefined(config.DrainType, "drain_type");
        CommonConfigValidation.ValidateKeepalive(config.TcpKeepalive, errors.Field("tcp_keepalive"));
        CommonConfigValidation.ValidateAccessLogs(config.AccessLog, errors);
        for (var i = 0; i < config.ListenerFilters.Count; i++)
        {
            extensions.Validate(ExtensionCategory.ListenerFilter, config.ListenerFilters[i], errors.Field("listener_filters", i));
        }

        ValidateFilterChains(config, errors);
    }

    private static void ValidateAddresses(ListenerConfig config, ConfigErrors errors)
    {
        if (config.Address is null)
        {
            errors.Add("address", "is required");
            return;
        }

        CommonConfigValidation.ValidateAddress(config.Address, errors.Field("address"));
        var isIpv6 = IsIpv6(config.Address);
        for (var i = 0; i < config.AdditionalAddresses.Count; i++)
        {
            var at = errors.Field("additional_addresses", i).Field("address");
            var address = config.AdditionalAddresses[i];
            CommonConfigValidation.ValidateAddress(address, at);
            at.Require(
                address.GetType() == config.Address.GetType() && address is not InternalAddress,
                "",
                $"must be of the same kind as address ({config.Address}), and an internal address stands alone");
            isIpv6 |= IsIpv6(address);
        }

        errors.Require(!config.Ipv4Compat || isIpv6, "ipv4_compat", $"is for IPv6 addresses such as [::]:80; {config.Address} is none");

        static bool IsIpv6(NetworkAddress address) => address is SocketAddress { Address.AddressFamily: AddressFamily.InterNetworkV6 };
    }

    private void ValidateFilterChains(ListenerConfig config, ConfigErrors errors)
    {
        errors.Require(
            config.FilterChains.Count > 0 || config.DefaultFilterChain is not null,
            "filter_chains",
            "there is no filter chain: give one at least, or a default_filter_chain");
        var names = new Dictionary<string, int>();
        for (var i = 0; i < config.FilterChains.Count; i++)
        {
            var chain = config.FilterChains[i];
            var at = errors.Field("filter_chains", i);
            if (chain.Name.Length > 0 && !names.TryAdd(chain.Name, i))
            {
                at.Add("name", $"'{chain.Name}' is the name of filter_chains[{names[chain.Name]}] too; names are unique within a listener");
            }

            ValidateFilterChain(chain, at);
        }

        if (config.DefaultFilterChain is { } defaultChain)
        {
            ValidateFilterChain(defaultChain, errors.Field("default_filter_chain"));
        }

        FilterChainMatchValidator.Validate(config.FilterChains, errors);
    }

    private void ValidateFilterChain(FilterChainConfig chain, ConfigErrors errors)
    {
        errors.RequireDuration(chain.TransportSocketConnectTimeout, "transport_socket_connect_timeout");
        extensions.ValidateTransportSocket(ExtensionCategory.DownstreamTransportSocket, chain.TransportSocket, errors.Field("transport_socket"));
        extensions.ValidateChain(ExtensionCategory.NetworkFilter, chain.Filters, "filters", errors);
        for (var i = 0; i < chain.Filters.Count; i++)
        {
            if (chain.Filters[i].TypedConfig is not IReferencesClusters references)
            {
                continue;
            }

            foreach (var (path, cluster) in references.ReferencedClusters())
            {
                if (!clusterNames.Contains(cluster))
                {
                    var known = clusterNames.Count == 0 ? "there is none" : "there are " + string.Join(", ", clusterNames.Order(StringComparer.Ordinal).Take(20));
                    errors.Field("filters", i).Field("typed_config").Add(path, $"no cluster '{cluster}'; {known}");
                }
            }
        }
    }
}
