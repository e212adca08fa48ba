namespace MeshProxy.Gateway;

/// <summary>What the quick proxy is to do.</summary>
internal sealed record QuickSettings(string Listen, string Upstream)
{
    public bool Tcp { get; init; }

    public int Routes { get; init; }

    public string? HealthPath { get; init; }

    /// <summary>Null: the listener speaks cleartext.</summary>
    public QuickTls? Tls { get; init; }

    /// <summary>Null: the upstream speaks cleartext.</summary>
    public QuickUpstreamTls? UpstreamTls { get; init; }

    public bool UpstreamHttp2 { get; init; }
}

/// <summary>TLS of the listener; files are PEM.</summary>
internal sealed record QuickTls(string CertificateFile, string KeyFile, string? ClientCaFile, bool Resumption);

/// <summary>TLS of the upstream.</summary>
/// <param name="CaFile">PEM; null for the system's certificates.</param>
internal sealed record QuickUpstreamTls(string? CaFile);
