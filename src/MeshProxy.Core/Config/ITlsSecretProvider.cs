namespace MeshProxy.Core.Config;

/// <summary>Gives certificates that may change while the server runs: from watched files, from a secret service, from the host app.</summary>
/// <remarks>Called from any thread. New handshakes get what is current; connections that live keep what they have.</remarks>
public interface ITlsSecretProvider
{
    /// <summary>What is valid now; null while nothing has come yet, and handshakes fail.</summary>
    TlsSecrets? Current { get; }

    /// <summary>Asks to be told when <see cref="Current"/> has changed. Dispose the result to hear no more.</summary>
    /// <param name="changed">Runs on the provider's thread, never on a worker. Secrets that cannot be used are logged and counted, and those
    /// before stay in use.</param>
    IDisposable Subscribe(Action changed);
}

/// <summary>What a provider gives.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record TlsSecrets
{
    /// <summary>Own certificates; the first is the default one. Empty: those of the config.</summary>
    public EquatableArray<TlsCertificateConfig> TlsCertificates { get; init; }

    /// <summary>What a peer's certificate must be. What it leaves out is the config's (Envoy: <c>combined_validation_context</c>, but a list
    /// that is not empty stands in the place of the config's).</summary>
    /// <value>Null: what the config says.</value>
    public CertificateValidationContextConfig? ValidationContext { get; init; }
}
