namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>How far a <see cref="ClientHelloParser"/> has come.</summary>
internal enum ClientHelloStatus : byte
{
    /// <summary>All so far is the beginning of a ClientHello.</summary>
    NeedMore,

    Complete,

    /// <summary>The first bytes are not those of a TLS record with a ClientHello in it: some other protocol.</summary>
    NotTls,

    /// <summary>It began as a ClientHello and then broke the rules of RFC 8446 or of the extensions that are read.</summary>
    Malformed,

    /// <summary>The ClientHello, with the headers of its records, is longer than the limit.</summary>
    TooLarge,
}
