using System.Buffers;
using System.Buffers.Binary;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>
/// Reads a TLS ClientHello (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2) for its server name, its application protocols and its
/// versions, without ending the TLS. Takes the bytes in pieces of any size and gathers a message that is spread over many records.
/// </summary>
/// <remarks>
/// Sans-I/O, single-threaded. Every byte is looked at once. Bad input is a <see cref="ClientHelloStatus"/>, never an exception, and
/// allocates nothing: the bytes stand in a rented array, which <see cref="Dispose"/> gives back. What does not look like a ClientHello is
/// known by its first bytes, before the lengths that it claims have arrived. A mutable struct: keep it in a field or a local, do not copy it.
/// Key shares and all other extensions are not looked into; only that they are in their places.
/// </remarks>
internal struct ClientHelloParser : IDisposable
{
    /// <summary>Envoy's limit and default (<c>max_client_hello_size</c>).</summary>
    public const int DefaultMaxBytes = 16 * 1024;

    private const int RecordHeaderBytes = 5;
    private const int HandshakeHeaderBytes = 4;
    private const int MaxRecordBytes = 1 << 14;
    private const int FirstRentBytes = 1024;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;

    private readonly int _maxBytes;
    private byte[]? _message;
    private int _messageLength;
    private int _expected;
    private long _seen;
    private int _recordHeaderLength;
    private int _recordLength;
    private int _recordLeft;
    private ClientHelloFields _fields;

    /// <param name="maxBytes">The most bytes that the ClientHello and its record headers may have.</param>
    public ClientHelloParser(int maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        _maxBytes = maxBytes;
    }

    public ClientHelloStatus Status { get; private set; }

    /// <summary>Bytes that were looked at, record headers included. Bytes behind the ClientHello do not count.</summary>
    public readonly long BytesSeen => _seen;

    public readonly bool HasServerName => _fields.ServerName.Length > 0;

    /// <summary>The <c>host_name</c> of the <c>server_name</c> extension (RFC 6066) in lower case, or null. Makes a string at each call.</summary>
    public readonly string? ServerName => HasServerName ? ClientHelloText.ToLower(Bytes(_fields.ServerName)) : null;

    /// <summary>The server name as it was sent: visible ASCII. Empty without one. Valid until <see cref="Dispose"/>.</summary>
    public readonly ReadOnlySpan<byte> ServerNameBytes => Bytes(_fields.ServerName);

    public readonly bool HasApplicationProtocols => _fields.Protocols.Length > 0;

    /// <summary>The protocols of the ALPN extension (RFC 7301), in the client's order: each a length byte and a name. Valid until <see cref="Dispose"/>.</summary>
    public readonly ReadOnlySpan<byte> ApplicationProtocolBytes => Bytes(_fields.Protocols);

    /// <summary>Pairs of bytes, in the client's order. Valid until <see cref="Dispose"/>.</summary>
    public readonly ReadOnlySpan<byte> CipherSuiteBytes => Bytes(_fields.CipherSuites);

    /// <summary>The <c>signature_algorithms</c> extension's pairs of bytes. Empty without one. Valid until <see cref="Dispose"/>.</summary>
    public readonly ReadOnlySpan<byte> SignatureAlgorithmBytes => Bytes(_fields.SignatureAlgorithms);

    /// <summary>The newest of 1.0 (0x0301) to 1.3 (0x0304) that the client offers; 0 if it offers none of them.</summary>
    public readonly int HighestVersion
    {
        get
        {
            if (_fields.Versions.Length == 0)
            {
                return Math.Min(_fields.LegacyVersion, 0x0303); // without the extension there is no 1.3
            }

            var highest = 0;
            for (var versions = Bytes(_fields.Versions); !versions.IsEmpty; versions = versions[2..])
            {
                int version = BinaryPrimitives.ReadUInt16BigEndian(versions);
                if (version is >= 0x0301 and <= 0x0304 && version > highest) // others are GREASE (RFC 8701) or drafts
                {
                    highest = version;
                }
            }

            return highest;
        }
    }

    /// <summary>The protocols of the ALPN extension as strings, in the client's order. Makes an array at each call; well-known names are not made anew.</summary>
    public readonly string[] GetApplicationProtocols()
    {
        var count = 0;
        for (var rest = ApplicationProtocolBytes; !rest.IsEmpty; rest = rest[(rest[0] + 1)..])
        {
            count++;
        }

        if (count == 0)
        {
            return [];
        }

        var names = new string[count];
        var i = 0;
        for (var rest = ApplicationProtocolBytes; !rest.IsEmpty; rest = rest[(rest[0] + 1)..])
        {
            names[i++] = ClientHelloText.ProtocolName(rest.Slice(1, rest[0]));
        }

        return names;
    }

    /// <summary>Whether the client offers this version, e.g. 0x0304 for TLS 1.3.</summary>
    public readonly bool Offers(int version)
    {
        if (_fields.Versions.Length == 0)
        {
            return version <= 0x0303 && version <= _fields.LegacyVersion;
        }

        for (var versions = Bytes(_fields.Versions); !versions.IsEmpty; versions = versions[2..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(versions) == version)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the next bytes of the connection: those behind what the calls before have got. After an end the bytes are ignored.</summary>
    public ClientHelloStatus Append(ReadOnlySpan<byte> bytes)
    {
        while (Status == ClientHelloStatus.NeedMore && !bytes.IsEmpty)
        {
            int taken;
            if (_recordLeft == 0)
            {
                Status = TakeRecordHeader(bytes[0]);
                taken = 1;
            }
            else
            {
                taken = Math.Min(bytes.Length, _recordLeft);
                var needed = _messageLength switch { 0 => 1, < HandshakeHeaderBytes => HandshakeHeaderBytes, _ => _expected };
                taken = Math.Min(taken, needed - _messageLength);
                Status = TakeMessage(bytes[..taken]);
            }

            _seen += taken;
            bytes = bytes[taken..];
            if (_seen > _maxBytes || (_seen == _maxBytes && Status == ClientHelloStatus.NeedMore))
            {
                Status = ClientHelloStatus.TooLarge;
            }
        }

        return Status;
    }

    public void Dispose()
    {
        if (_message is { } message)
        {
            _message = null;
            _fields = default;
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    private readonly ReadOnlySpan<byte> Bytes((int Start, int Length) field) =>
        field.Length == 0 ? default : _message.AsSpan(field.Start, field.Length);

    /// <summary>One byte of the five: type, version, length. A header split over reads costs nothing more.</summary>
    private ClientHelloStatus TakeRecordHeader(byte value)
    {
        var bad = _messageLength == 0 ? ClientHelloStatus.NotTls : ClientHelloStatus.Malformed;
        switch (_recordHeaderLength++)
        {
            case 0 when value != HandshakeRecord:
            case 1 when value != 3:
                return bad;
            case 3:
                _recordLength = value << 8;
                break;
            case RecordHeaderBytes - 1:
                _recordLeft = _recordLength | value;
                _recordHeaderLength = 0;
                if (_recordLeft is 0 or > MaxRecordBytes)
                {
                    return bad; // RFC 8446, section 5.1: no empty fragments of handshake messages
                }

                break;
        }

        return ClientHelloStatus.NeedMore;
    }

    private ClientHelloStatus TakeMessage(ReadOnlySpan<byte> bytes)
    {
        if (_messageLength == 0 && bytes[0] != ClientHelloMessage)
        {
            return ClientHelloStatus.NotTls;
        }

        Reserve(_messageLength + bytes.Length);
        bytes.CopyTo(_message.AsSpan(_messageLength));
        _messageLength += bytes.Length;
        _recordLeft -= bytes.Length;
        if (_messageLength == HandshakeHeaderBytes)
        {
            _expected = HandshakeHeaderBytes + (BinaryPrimitives.ReadInt32BigEndian(_message) & 0xFFFFFF);
            if (_expected > _maxBytes)
            {
                return ClientHelloStatus.TooLarge;
            }
        }

        if (_messageLength < HandshakeHeaderBytes || _messageLength < _expected)
        {
            return ClientHelloStatus.NeedMore;
        }

        return ClientHelloFields.TryParse(_message.AsSpan(0, _messageLength), HandshakeHeaderBytes, out _fields)
            ? ClientHelloStatus.Complete
            : ClientHelloStatus.Malformed;
    }

    /// <summary>Grows with what has arrived, not with what the client says will.</summary>
    private void Reserve(int length)
    {
        if (_message is { } old)
        {
            if (old.Length >= length)
            {
                return;
            }

            _message = ArrayPool<byte>.Shared.Rent(Math.Max(length, old.Length * 2));
            old.AsSpan(0, _messageLength).CopyTo(_message);
            ArrayPool<byte>.Shared.Return(old);
        }
        else
        {
            _message = ArrayPool<byte>.Shared.Rent(Math.Max(length, FirstRentBytes));
        }
    }
}
