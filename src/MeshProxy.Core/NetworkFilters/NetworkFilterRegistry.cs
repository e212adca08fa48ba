using MeshProxy.Core.Config;

namespace MeshProxy.Core.NetworkFilters;

/// <summary>The network filters that a server knows, by name.</summary>
internal sealed class NetworkFilterRegistry()
    : ExtensionRegistry<NetworkFilterFactoryContext, INetworkFilterFactory>(ExtensionCategory.NetworkFilter);
