using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Authentication;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The <c>ssl.</c> stats of a listener or a cluster, under Envoy's names.</summary>
internal sealed class TlsStats
{
    private readonly StatsScope _scope;
    private readonly Counter _handshake;
    private readonly Counter _connectionError;
    private readonly Counter _sessionReused;
    private readonly Counter _noCertificate;
    private readonly Counter _failVerifyNoCert;
    private readonly Counter _failVerifyError;
    private readonly Counter _failVerifySan;
    private readonly Counter _failVerifyCertHash;
    private readonly ConcurrentDictionary<TlsCipherSuite, Counter> _ciphers = new();
    private readonly ConcurrentDictionary<SslProtocols, Counter> _versions = new();

    public TlsStats(StatsScope owner)
    {
        _scope = owner.Scope("ssl");
        _handshake = _scope.Counter("handshake");
        _connectionError = _scope.Counter("connection_error");
        _sessionReused = _scope.Counter("session_reused");
        _noCertificate = _scope.Counter("no_certificate");
        _failVerifyNoCert = _scope.Counter("fail_verify_no_cert");
        _failVerifyError = _scope.Counter("fail_verify_error");
        _failVerifySan = _scope.Counter("fail_verify_san");
        _failVerifyCertHash = _scope.Counter("fail_verify_cert_hash");
        SecretsUpdated = _scope.Counter("secrets_updated");
        SecretsRejected = _scope.Counter("secrets_update_rejected");
    }

    /// <summary>New certificates of a provider that are in use.</summary>
    public Counter SecretsUpdated { get; }

    /// <summary>New certificates of a provider that could not be used; the old ones stay.</summary>
    public Counter SecretsRejected { get; }

    public void HandshakeDone(TlsCipherSuite cipher, SslProtocols version, bool resumed, PeerVerdict verdict)
    {
        _handshake.Increment();
        if (resumed)
        {
            _sessionReused.Increment();
        }

        if (!verdict.Presented)
        {
            _noCertificate.Increment();
        }

        if (!_ciphers.TryGetValue(cipher, out var ofCipher))
        {
            ofCipher = _ciphers.GetOrAdd(cipher, _scope.Counter("ciphers." + TlsNames.Cipher(cipher)));
        }

        if (!_versions.TryGetValue(version, out var ofVersion))
        {
            ofVersion = _versions.GetOrAdd(version, _scope.Counter("versions." + TlsNames.Version(version)));
        }

        ofCipher.Increment();
        ofVersion.Increment();
    }

    /// <summary>A handshake failed: because of the peer's certificate, or for another reason.</summary>
    public void HandshakeFailed(PeerVerdict verdict)
    {
        (verdict.Outcome switch
        {
            PeerOutcome.NoCertificate => _failVerifyNoCert,
            PeerOutcome.Untrusted => _failVerifyError,
            PeerOutcome.NameMismatch => _failVerifySan,
            PeerOutcome.PinMismatch => _failVerifyCertHash,
            _ => _connectionError,
        }).Increment();
    }
}
