using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>TLS by the library that the server's options choose.</summary>
internal static class TlsTransportSockets
{
    public const string Name = "envoy.transport_sockets.tls";

    /// <summary>Of a filter chain.</summary>
    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated, or OpenSSL refuses it.</exception>
    public static ITransportSocketFactory Downstream(DownstreamTlsContextConfig config, TransportSocketFactoryContext context) => UseOpenSsl(context)
        ? new TlsSocketFactory<OpenSslServerState>(
            config.CommonTlsContext,
            context,
            (common, errors) => TlsStateBuilder.Load(config, common, errors) is { } parts ? OpenSslServerState.Create(parts, errors) : null,
            static (callbacks, state, _, stats) => new OpenSslServerSocket(callbacks, state, stats))
        : new TlsSocketFactory<TlsServerState>(
            config.CommonTlsContext,
            context,
            (common, errors) => TlsStateBuilder.Build(config, common, errors),
            static (callbacks, state, _, stats) => new DownstreamTlsSocket(callbacks, state, stats));

    /// <summary>Of a cluster.</summary>
    /// <inheritdoc cref="Downstream"/>
    public static ITransportSocketFactory Upstream(UpstreamTlsContextConfig config, TransportSocketFactoryContext context)
    {
        return UseOpenSsl(context)
            ? new TlsSocketFactory<OpenSslClientState>(
                config.CommonTlsContext,
                context,
                (common, errors) => Load(common, errors) is { } parts ? OpenSslClientState.Create(parts, errors) : null,
                static (callbacks, state, options, stats) => new OpenSslClientSocket(callbacks, state, options, stats))
            : new TlsSocketFactory<TlsClientState>(
                config.CommonTlsContext,
                context,
                (common, errors) => Load(common, errors) is { } parts ? new TlsClientState(parts.Config, parts.Certificate, parts.Verifier) : null,
                static (callbacks, state, options, stats) => new UpstreamTlsSocket(callbacks, state, options, stats));

        TlsClientParts? Load(CommonTlsContextConfig common, ConfigErrors errors)
        {
            var parts = TlsStateBuilder.Load(config, common, errors);
            if (parts is { Verifier.AcceptsAnybody: true })
            {
                TlsLog.AcceptsAnybody(TlsLog.Create(context.LoggerFactory), context.Stats.Prefix);
            }

            return parts;
        }
    }

    /// <summary>That OpenSSL is there where it is asked for by name, the validation of the options has seen to.</summary>
    private static bool UseOpenSsl(TransportSocketFactoryContext context) => context.TlsImplementation switch
    {
        TlsImplementation.SslStream => false,
        TlsImplementation.OpenSsl => true,
        _ => OpenSslLibrary.Missing is null,
    };
}
