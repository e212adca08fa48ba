using System.Buffers.Binary;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Where the read fields of a ClientHello stand in its bytes. Length 0 is a field that is not there.</summary>
/// <remarks>
/// Every length must fit exactly into the one around it. An extension that is read may stand once only, as may any whose number is below
/// 64 (RFC 8446, section 4.2); a look for further twins would cost more than it tells.
/// </remarks>
internal struct ClientHelloFields
{
    private const int RandomBytes = 32;
    private const int MaxSessionIdBytes = 32;
    private const int ServerNameExtension = 0;
    private const int SignatureAlgorithmsExtension = 13;
    private const int ProtocolsExtension = 16;
    private const int VersionsExtension = 43;
    private const int FirstUncheckedExtension = 64;
    private const int MaxHostNameBytes = 255;
    private const byte HostNameType = 0;

    public int LegacyVersion;

    /// <summary>The host name itself.</summary>
    public (int Start, int Length) ServerName;

    /// <summary>The ALPN list without the length before it: entries of a length byte and a name.</summary>
    public (int Start, int Length) Protocols;

    /// <summary>Pairs of bytes.</summary>
    public (int Start, int Length) Versions;

    /// <summary>Pairs of bytes.</summary>
    public (int Start, int Length) CipherSuites;

    /// <summary>Pairs of bytes.</summary>
    public (int Start, int Length) SignatureAlgorithms;

    /// <param name="message">The whole handshake message.</param>
    /// <param name="at">Where its body begins.</param>
    /// <param name="fields">What was found, with places in <paramref name="message"/>.</param>
    public static bool TryParse(ReadOnlySpan<byte> message, int at, out ClientHelloFields fields)
    {
        fields = default;
        var reader = new Reader(message, at, message.Length);
        if (!reader.TryUInt16(out fields.LegacyVersion) || fields.LegacyVersion >> 8 != 3
            || !reader.TrySkip(RandomBytes)
            || !reader.TryVector8(out var sessionId) || sessionId.Left > MaxSessionIdBytes
            || !reader.TryVector16(out var ciphers) || ciphers.Left < 2 || ciphers.Left % 2 != 0
            || !reader.TryVector8(out var compressions) || compressions.Left == 0)
        {
            return false;
        }

        fields.CipherSuites = ciphers.Place;
        if (reader.Left == 0)
        {
            return true; // before TLS 1.3 there may be no extensions
        }

        return reader.TryVector16(out var extensions) && reader.Left == 0 && fields.TryParseExtensions(ref extensions);
    }

    private bool TryParseExtensions(ref Reader extensions)
    {
        ulong seen = 0;
        while (extensions.Left > 0)
        {
            if (!extensions.TryUInt16(out var type) || !extensions.TryVector16(out var data))
            {
                return false;
            }

            if (type < FirstUncheckedExtension)
            {
                var bit = 1UL << type;
                if ((seen & bit) != 0)
                {
                    return false;
                }

                seen |= bit;
            }

            var good = type switch
            {
                ServerNameExtension => TryParseServerName(ref data),
                ProtocolsExtension => TryParseProtocols(ref data),
                VersionsExtension => TryParseVersions(ref data),
                SignatureAlgorithmsExtension => TryParseSignatureAlgorithms(ref data),
                _ => true,
            };
            if (!good)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>RFC 6066, section 3: a list that holds one name, since only one type of name exists and each may stand once.</summary>
    private bool TryParseServerName(ref Reader data)
    {
        if (!data.TryVector16(out var list) || data.Left != 0
            || !list.TryUInt8(out var type) || type != HostNameType
            || !list.TryVector16(out var name) || list.Left != 0
            || name.Left is 0 or > MaxHostNameBytes)
        {
            return false;
        }

        // Visible ASCII (RFC 6066: A-labels): what is not may end in logs, in headers, and in the names of clusters.
        if (name.Rest.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E))
        {
            return false;
        }

        ServerName = name.Place;
        return true;
    }

    /// <summary>RFC 7301, section 3.1: at least one name, none of them empty.</summary>
    private bool TryParseProtocols(ref Reader data)
    {
        if (!data.TryVector16(out var list) || data.Left != 0 || list.Left == 0)
        {
            return false;
        }

        Protocols = list.Place;
        while (list.Left > 0)
        {
            if (!list.TryVector8(out var name) || name.Left == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>RFC 8446, section 4.2.1.</summary>
    private bool TryParseVersions(ref Reader data)
    {
        if (!data.TryVector8(out var list) || data.Left != 0 || list.Left < 2 || list.Left % 2 != 0)
        {
            return false;
        }

        Versions = list.Place;
        return true;
    }

    /// <summary>RFC 8446, section 4.2.3.</summary>
    private bool TryParseSignatureAlgorithms(ref Reader data)
    {
        if (!data.TryVector16(out var list) || data.Left != 0 || list.Left < 2 || list.Left % 2 != 0)
        {
            return false;
        }

        SignatureAlgorithms = list.Place;
        return true;
    }

    /// <summary>A part of the message that is read from its beginning.</summary>
    private ref struct Reader(ReadOnlySpan<byte> message, int at, int end)
    {
        private readonly ReadOnlySpan<byte> _message = message;
        private int _at = at;

        public readonly int Left => end - _at;

        public readonly (int Start, int Length) Place => (_at, Left);

        public readonly ReadOnlySpan<byte> Rest => _message[_at..end];

        public bool TrySkip(int count)
        {
            if (Left < count)
            {
                return false;
            }

            _at += count;
            return true;
        }

        public bool TryUInt8(out int value)
        {
            value = 0;
            if (Left < 1)
            {
                return false;
            }

            value = _message[_at++];
            return true;
        }

        public bool TryUInt16(out int value)
        {
            value = 0;
            if (Left < 2)
            {
                return false;
            }

            value = BinaryPrimitives.ReadUInt16BigEndian(_message[_at..]);
            _at += 2;
            return true;
        }

        public bool TryVector8(out Reader vector)
        {
            vector = default;
            return TryUInt8(out var length) && TryTake(length, out vector);
        }

        public bool TryVector16(out Reader vector)
        {
            vector = default;
            return TryUInt16(out var length) && TryTake(length, out vector);
        }

        private bool TryTake(int length, out Reader part)
        {
            var start = _at;
            if (!TrySkip(length))
            {
                part = default;
                return false;
            }

            part = new Reader(_message, start, _at);
            return true;
        }
    }
}
