using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.TransportSockets;

/// <summary>The transport sockets that a server knows by name, of one side.</summary>
internal abstract class TransportSocketRegistry(ExtensionCategory category)
    : ExtensionRegistry<TransportSocketFactoryContext, ITransportSocketFactory>(category)
{
    /// <summary>Null for plain bytes.</summary>
    /// <exception cref="ConfigException">The factory could not be made, for example because a file has gone.</exception>
    public ITransportSocketFactory? CreateFactory(ExtensionConfig? extension, TransportSocketFactoryContext context) =>
        extension is null or { Name: ExtensionValidator.RawBuffer } ? null : Create(extension, context);
}

/// <summary>What a filter chain may name.</summary>
internal sealed class DownstreamTransportSocketRegistry() : TransportSocketRegistry(ExtensionCategory.DownstreamTransportSocket);

/// <summary>What a cluster may name.</summary>
internal sealed class UpstreamTransportSocketRegistry() : TransportSocketRegistry(ExtensionCategory.UpstreamTransportSocket);

/// <summary>What a transport socket's factory may use of the server that it is part of.</summary>
public sealed class TransportSocketFactoryContext
{
    internal TransportSocketFactoryContext()
    {
    }

    /// <summary>The scope of the listener or cluster.</summary>
    public required StatsScope Stats { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>Which library TLS is to use.</summary>
    public TlsImplementation TlsImplementation { get; init; }

    /// <summary>The host app's services; null without dependency injection.</summary>
    public IServiceProvider? Services { get; init; }

    /// <summary>The server's registries, for a transport socket that wraps another. Null only where a test has no server around it.</summary>
    internal ExtensionRegistries? Registries { get; init; }
}
