namespace MeshProxy.Http.ConnectionPools;

/// <summary>What a pool's TLS connections ask for and insist on, taken over from requests (Envoy: <c>auto_sni</c>, <c>auto_san_validation</c>).</summary>
/// <param name="Sni">Null: what the TLS config says; for an address, too, which is no name (RFC 6066 section 3).</param>
/// <param name="Verify">What the certificate must hold; null: what the TLS config says.</param>
internal sealed record ServerName(string? Sni, string? Verify);
