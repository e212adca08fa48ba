using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Listeners;

/// <summary>What is known of a new connection once the listener filters are done.</summary>
internal readonly ref struct FilterChainMatchInput
{
    public const string RawBuffer = "raw_buffer";

    private readonly string? _transportProtocol;

    /// <summary>The address that the client connected to (or that a listener filter restored).</summary>
    public required NetworkAddress DestinationAddress { get; init; }

    /// <summary>The client (or what the PROXY protocol says that it is).</summary>
    public required NetworkAddress SourceAddress { get; init; }

    /// <summary>The socket's peer.</summary>
    public required NetworkAddress DirectSourceAddress { get; init; }

    /// <summary>The TLS server name, in lower case; empty if there is none.</summary>
    public ReadOnlySpan<char> ServerName { get; init; }

    /// <summary><c>raw_buffer</c> unless a listener filter detected something.</summary>
    public string TransportProtocol
    {
        get => _transportProtocol ?? RawBuffer;
        init => _transportProtocol = value;
    }

    /// <summary>The client's ALPN list in its order.</summary>
    public ReadOnlySpan<string> ApplicationProtocols { get; init; }
}
