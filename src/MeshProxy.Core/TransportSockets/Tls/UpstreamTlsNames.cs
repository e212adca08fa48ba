using MeshProxy.Core.Config;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>What one connection of a cluster asks its server for, and expects of it.</summary>
internal static class UpstreamTlsNames
{
    /// <summary>The connection's own wish, then the endpoint's name, then the config's (the order of Envoy).</summary>
    /// <param name="hostname">The endpoint's; null or empty if it has none.</param>
    public static string ServerName(UpstreamTlsContextConfig config, TransportSocketOptions? options, string? hostname) =>
        options?.ServerNameOverride ?? (config.AutoHostSni && !string.IsNullOrEmpty(hostname) ? hostname : config.Sni);

    /// <inheritdoc cref="ServerName"/>
    public static PeerNames Expected(UpstreamTlsContextConfig config, TransportSocketOptions? options, string? hostname)
    {
        var name = ServerName(config, options, hostname);
        var alternatives = options is null ? default : options.VerifySubjectAltNames;
        if (alternatives.IsEmpty && config.AutoSniSanValidation && name.Length > 0)
        {
            alternatives = [name];
        }

        return new PeerNames(name, alternatives);
    }

    public static EquatableArray<string> Protocols(UpstreamTlsContextConfig config, TransportSocketOptions? options) =>
        options is null || options.ApplicationProtocols.IsEmpty ? config.CommonTlsContext.AlpnProtocols : options.ApplicationProtocols;
}
