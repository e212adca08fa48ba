using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Network.ProxyProtocol;

/// <summary>What stands at a connection's beginning.</summary>
internal enum ProxyProtocolStart : byte
{
    /// <summary>Too few bytes to tell.</summary>
    NeedMore,

    /// <summary>No header of any version.</summary>
    None,

    V1,
    V2,
}

/// <summary>How the reading of a header went.</summary>
internal enum ProxyProtocolStatus : byte
{
    NeedMore,
    Complete,
    Malformed,
}

/// <summary>A PROXY protocol header that was read.</summary>
internal struct ProxyProtocolHeader
{
    /// <summary>Null where the header names none (LOCAL, UNKNOWN, AF_UNSPEC): the connection's own addresses stand then.</summary>
    public NetworkAddress? Source;

    /// <summary>Null together with <see cref="Source"/>.</summary>
    public NetworkAddress? Destination;

    /// <summary>All its bytes, TLVs and the ends of lines included.</summary>
    public int Length;

    /// <summary>Where the TLVs begin; <see cref="Length"/> is where they end. Equal where there is none.</summary>
    public int TlvStart;
}

/// <summary>A type-length-value of a version 2 header.</summary>
/// <param name="Value">Never changed once it is here.</param>
internal readonly record struct ProxyProtocolTlv(byte Type, byte[] Value);
