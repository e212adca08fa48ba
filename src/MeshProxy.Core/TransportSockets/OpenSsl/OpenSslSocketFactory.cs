using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>TLS of a filter chain, by OpenSSL itself.</summary>
internal sealed class OpenSslServerSocketFactory : TlsSocketFactory<OpenSslServerState>
{
    private readonly DownstreamTlsContextConfig _config;

    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated, or OpenSSL refuses it.</exception>
    public OpenSslServerSocketFactory(DownstreamTlsContextConfig config, TransportSocketFactoryContext context)
        : base(config.CommonTlsContext, context)
    {
        _config = config;
        Start();
    }

    public override ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        new OpenSslServerSocket(callbacks, State, Stats);

    protected override OpenSslServerState? Build(CommonTlsContextConfig common, ConfigErrors errors) =>
        TlsStateBuilder.Load(_config, common, errors) is { } parts ? OpenSslServerState.Create(parts, errors) : null;
}

/// <summary>TLS of a cluster, by OpenSSL itself.</summary>
internal sealed class OpenSslClientSocketFactory : TlsSocketFactory<OpenSslClientState>
{
    private readonly UpstreamTlsContextConfig _config;

    /// <inheritdoc cref="OpenSslServerSocketFactory(DownstreamTlsContextConfig, TransportSocketFactoryContext)"/>
    public OpenSslClientSocketFactory(UpstreamTlsContextConfig config, TransportSocketFactoryContext context)
        : base(config.CommonTlsContext, context)
    {
        _config = config;
        Start();
        if (State is { Verifier.AcceptsAnybody: true })
        {
            TlsLog.AcceptsAnybody(Logger, context.Stats.Prefix);
        }
    }

    public override ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        new OpenSslClientSocket(callbacks, State, options, Stats);

    protected override OpenSslClientState? Build(CommonTlsContextConfig common, ConfigErrors errors) =>
        TlsStateBuilder.Load(_config, common, errors) is { } parts ? OpenSslClientState.Create(parts, errors) : null;
}

/// <summary>Chooses the library by the server's options.</summary>
internal static class TlsTransportSockets
{
    /// <exception cref="ConfigException">A certificate cannot be used.</exception>
    public static ITransportSocketFactory Downstream(DownstreamTlsContextConfig config, TransportSocketFactoryContext context) =>
        UseOpenSsl(context) ? new OpenSslServerSocketFactory(config, context) : new DownstreamTlsSocketFactory(config, context);

    /// <inheritdoc cref="Downstream"/>
    public static ITransportSocketFactory Upstream(UpstreamTlsContextConfig config, TransportSocketFactoryContext context) =>
        UseOpenSsl(context) ? new OpenSslClientSocketFactory(config, context) : new UpstreamTlsSocketFactory(config, context);

    /// <summary>That OpenSSL is there where it is asked for by name, the validation of the options has seen to.</summary>
    private static bool UseOpenSsl(TransportSocketFactoryContext context) => context.TlsImplementation switch
    {
        TlsImplementation.SslStream => false,
        TlsImplementation.OpenSsl => true,
        _ => OpenSslLibrary.Missing is null,
    };
}
