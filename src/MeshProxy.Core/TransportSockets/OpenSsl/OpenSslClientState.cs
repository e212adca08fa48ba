using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>One version of a cluster's TLS. Immutable but for its sessions, shared by all workers.</summary>
internal sealed class OpenSslClientState
{
    private readonly EquatableArray<string> _protocols;
    private readonly byte[] _protocolBytes;

    private OpenSslClientState(TlsClientParts parts, OpenSslContext context)
    {
        Config = parts.Config;
        Certificate = parts.Certificate;
        Verifier = parts.Verifier;
        Context = context;
        Sessions = new OpenSslSessions((int)Math.Min(parts.Config.MaxSessionKeys, int.MaxValue));
        _protocols = parts.Config.CommonTlsContext.AlpnProtocols;
        _protocolBytes = EncodeAll(_protocols);
    }

    public UpstreamTlsContextConfig Config { get; }

    /// <summary>What is shown to servers that ask.</summary>
    public TlsCertificate? Certificate { get; }

    public PeerVerifier Verifier { get; }

    public OpenSslContext Context { get; }

    /// <summary>They are this version's: one that was made under other settings is never taken up.</summary>
    public OpenSslSessions Sessions { get; }

    /// <returns>Null if there was an error.</returns>
    public static OpenSslClientState? Create(TlsClientParts parts, ConfigErrors errors) =>
        OpenSslContextBuilder.Client(parts.Config, parts.Certificate, errors) is { } context ? new OpenSslClientState(parts, context) : null;

    /// <summary>Protocols as they stand in a ClientHello (RFC 7301, section 3.1).</summary>
    public byte[] Encode(EquatableArray<string> protocols) => protocols == _protocols ? _protocolBytes : EncodeAll(protocols);

    private static byte[] EncodeAll(EquatableArray<string> protocols)
    {
        var bytes = new List<byte>();
        foreach (var protocol in protocols)
        {
            var name = Encoding.UTF8.GetBytes(protocol);
            bytes.Add((byte)name.Length);
            bytes.AddRange(name);
        }

        return [.. bytes];
    }
}
