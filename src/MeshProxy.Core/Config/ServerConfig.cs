namespace MeshProxy.Core.Config;

/// <summary>Everything that is static: what to listen on and where to send it (Envoy: <c>static_resources</c>).</summary>
/// <remarks>Immutable, compared by value; read by the control side only.</remarks>
public sealed record ServerConfig
{
    /// <summary>Names and addresses are unique.</summary>
    public EquatableArray<ListenerConfig> Listeners { get; init; }

    /// <summary>Names are unique.</summary>
    public EquatableArray<ClusterConfig> Clusters { get; init; }
}
