using System.Buffers.Binary;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>
/// Watches a server's hello go by, to know whether it took up an earlier session: in TLS 1.3 it then names a pre-shared key (RFC 8446,
/// section 4.2.11), in TLS 1.2 no certificate follows it (RFC 5246, section 7.3).
/// </summary>
/// <remarks>Sees records from their start. A hello that is torn over several records counts as that of a new session.</remarks>
internal struct ServerHelloReader
{
    /// <summary>As much of a record as it needs to see.</summary>
    public const int MaxBytes = 1024;

    private const byte ServerHello = 2;
    private const byte NewSessionTicket = 4;
    private const int PreSharedKeyExtension = 41;
    private const int SupportedVersionsExtension = 43;

    private bool _done;
    private bool _awaitsNext;

    // RFC 8446, section 4.1.3: the random of a hello that asks the client to try again.
    private static ReadOnlySpan<byte> RetryRandom =>
    [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];

    public bool IsResumed { get; private set; }

    /// <summary>Takes one record or several, or the beginning of one.</summary>
    public void Append(ReadOnlySpan<byte> records)
    {
        while (!_done && records.Length > TlsRecord.HeaderBytes)
        {
            var length = TlsRecord.LengthOf(records);
            var end = Math.Min(length, records.Length);
            Take(records[0], records[TlsRecord.HeaderBytes..end]);
            if (length == 0 || length >= records.Length)
            {
                return;
            }

            records = records[length..];
        }
    }

    private void Take(byte type, ReadOnlySpan<byte> payload)
    {
        if (_awaitsNext)
        {
            IsResumed = type == TlsRecord.ChangeCipherSpec || (type == TlsRecord.Handshake && !payload.IsEmpty && payload[0] == NewSessionTicket);
            _done = true;
            return;
        }

        if (type != TlsRecord.Handshake || payload.Length < 4 || payload[0] != ServerHello)
        {
            return;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(payload) & 0xFFFFFF;
        if (payload.Length < 4 + length || length < 38)
        {
            _done = true;
            return;
        }

        var hello = payload.Slice(4, length);
        if (hello.Slice(2, 32).SequenceEqual(RetryRandom))
        {
            return;
        }

        var isTls13 = ReadExtensions(hello, out var hasKey);
        if (isTls13)
        {
            IsResumed = hasKey;
            _done = true;
            return;
        }

        _awaitsNext = true;
        if (payload.Length > 4 + length)
        {
            Take(type, payload[(4 + length)..]);
        }
    }

    private static bool ReadExtensions(ReadOnlySpan<byte> hello, out bool hasKey)
    {
        hasKey = false;
        var isTls13 = false;
        var at = 34 + 1 + hello[34] + 2 + 1 + 2; // version and random, session id, cipher, compression, the list's length
        while (at + 4 <= hello.Length)
        {
            int type = BinaryPrimitives.ReadUInt16BigEndian(hello[at..]);
            isTls13 |= type == SupportedVersionsExtension;
            hasKey |= type == PreSharedKeyExtension;
            at += 4 + BinaryPrimitives.ReadUInt16BigEndian(hello[(at + 2)..]);
        }

        return isTls13;
    }
}
