namespace MeshProxy.Core.Config;

/// <summary>Which extensions are registered, for the validator. The registry of factories implements it.</summary>
public interface IExtensionCatalog
{
    /// <returns>Null if no extension of the category has the name.</returns>
    ExtensionDescription? Find(ExtensionCategory category, string name);

    /// <summary>What an error message offers instead of an unknown name.</summary>
    IEnumerable<string> Names(ExtensionCategory category);
}

/// <summary>Where an extension plugs in.</summary>
public enum ExtensionCategory : byte
{
    /// <summary>envoy.filters.listener.</summary>
    ListenerFilter,

    /// <summary>envoy.filters.network.</summary>
    NetworkFilter,

    /// <summary>envoy.filters.http.</summary>
    HttpFilter,

    /// <summary>envoy.transport_sockets.downstream.</summary>
    DownstreamTransportSocket,

    /// <summary>envoy.transport_sockets.upstream.</summary>
    UpstreamTransportSocket,

    /// <summary>The options that a protocol has for a cluster, such as envoy.extensions.upstreams.http.v3.HttpProtocolOptions.</summary>
    UpstreamProtocolOptions,
}
