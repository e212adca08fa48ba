using System.Runtime.CompilerServices;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Encodes the header blocks of one connection (RFC 7541). Single-threaded.</summary>
/// <remarks>
/// A block is <see cref="BeginBlock"/> and then its headers, written behind one another into room of the caller's. All that
/// is written must be sent, in that order: the peer's table follows from it. It holds no memory until something is
/// indexed, and allocates only while its table grows.
/// </remarks>
internal sealed class HpackEncoder
{
    /// <summary>The most that <see cref="BeginBlock"/> writes.</summary>
    public const int MaxBeginBytes = 2 * HpackInteger.MaxBytes;

    // How a literal begins (RFC 7541 section 6.2).
    private const byte Indexed = 0x40;
    private const byte NeverIndexed = 0x10;
    private const byte NotIndexed = 0x00;

    private const int FieldOverheadBytes = 3 * HpackInteger.MaxBytes;
    private const int NameScratchBytes = 128;

    /// <summary>A shorter value that is not indexed goes as it is: coding it costs both sides more than the fifth of its bytes that it saves.</summary>
    private const int MinOnceCodedBytes = 128;

    private readonly int _maxTableBytes;
    private readonly HpackDynamicTable _table;
    private readonly HpackEncoderIndex _index;
    private int _nextTableBytes;
    private int _smallestTableBytes;

    /// <param name="maxTableBytes">The most that the table may come to, however much the peer allows; at most <see cref="HpackDynamicTable.MaxTableBytes"/>.</param>
    public HpackEncoder(int maxTableBytes = HpackDecoder.DefaultTableBytes)
    {
        HpackDynamicTable.CheckSize(maxTableBytes);
        _maxTableBytes = maxTableBytes;
        _table = new HpackDynamicTable(HpackDecoder.DefaultTableBytes);
        _index = new HpackEncoderIndex(_table);
        _nextTableBytes = Math.Min(maxTableBytes, HpackDecoder.DefaultTableBytes);
        _smallestTableBytes = _nextTableBytes;
    }

    internal HpackDynamicTable Table => _table;

    internal HpackEncoderIndex Index => _index;

    /// <summary>The room that <see cref="Write"/> asks for.</summary>
    public static int MaxFieldBytes(int nameLength, int valueLength) => nameLength + valueLength + FieldOverheadBytes;

    /// <summary>Takes the peer's SETTINGS_HEADER_TABLE_SIZE. It is in force from the next block on.</summary>
    public void SetPeerTableLimit(uint tableBytes)
    {
        _nextTableBytes = (int)Math.Min(tableBytes, (uint)_maxTableBytes);
        _smallestTableBytes = Math.Min(_smallestTableBytes, _nextTableBytes);
    }

    /// <summary>Gives back memory that holds nothing. For a connection that has become idle.</summary>
    public void Trim() => _table.Trim();

    /// <summary>Begins a block: writes the table size updates that are due, the smallest size that was in force and the last one (RFC 7541 section 4.2).</summary>
    /// <param name="room">At least <see cref="MaxBeginBytes"/> long.</param>
    /// <returns>The bytes written; zero but for the block after a change.</returns>
    public int BeginBlock(Span<byte> room)
    {
        if (_smallestTableBytes >= _table.MaxBytes && _nextTableBytes == _table.MaxBytes)
        {
            return 0;
        }

        var written = 0;
        if (_smallestTableBytes < Math.Min(_nextTableBytes, _table.MaxBytes))
        {
            _table.Resize(_smallestTableBytes);
            written = HpackInteger.Write(room, 0x20, 0x1F, _smallestTableBytes);
        }

        _table.Resize(_nextTableBytes);
        written += HpackInteger.Write(room[written..], 0x20, 0x1F, _nextTableBytes);
        _smallestTableBytes = _nextTableBytes;
        return written;
    }

    /// <summary>Writes a pseudo-header.</summary>
    /// <inheritdoc cref="Write"/>
    public int WritePseudo(Span<byte> room, HpackPseudo pseudo, ReadOnlySpan<byte> value, bool neverIndexed = false)
    {
        var code = HpackNames.Code(pseudo);
        return WriteField(room, code, HpackNames.Bytes(code), value, neverIndexed);
    }

    /// <summary>Writes :status.</summary>
    /// <param name="room">At least <see cref="MaxFieldBytes"/> long for a name of 7 and a value of 3.</param>
    /// <param name="status">From 100 to 999.</param>
    /// <param name="neverIndexed">It came as never indexed, and must leave so.</param>
    /// <returns>The bytes written.</returns>
    public int WriteStatus(Span<byte> room, int status, bool neverIndexed = false)
    {
        var index = status switch
        {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => 0,
        };
        if (index != 0 && !neverIndexed)
        {
            room[0] = (byte)(0x80 | index);
            return 1;
        }

        ReadOnlySpan<byte> digits = [(byte)('0' + (status / 100)), (byte)('0' + (status / 10 % 10)), (byte)('0' + (status % 10))];
        return WritePseudo(room, HpackPseudo.Status, digits, neverIndexed);
    }

    /// <summary>Writes a header.</summary>
    /// <param name="room">At least <see cref="MaxFieldBytes"/> long; what stands behind the bytes written is spoilt.</param>
    /// <param name="id">The name's number; None costs a look-up.</param>
    /// <param name="name">The name in any case, sent in lower case. Not looked at if <paramref name="id"/> is set.</param>
    /// <param name="value">The value.</param>
    /// <param name="neverIndexed">It came as never indexed, and must leave so.</param>
    /// <returns>The bytes written.</returns>
    [SkipLocalsInit]
    public int Write(Span<byte> room, HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed = false)
    {
        var code = (byte)id;
        if (code != 0)
        {
            return WriteField(room, code, HeaderTable.Name(id), value, neverIndexed);
        }

        if (!name.ContainsAnyInRange((byte)'A', (byte)'Z'))
        {
            return WriteField(room, HpackNames.Find(name), name, value, neverIndexed);
        }

        var scratch = new HpackScratch(stackalloc byte[NameScratchBytes]);
        var lower = scratch.Get(name.Length)[..name.Length];
        for (var i = 0; i < name.Length; i++)
        {
            lower[i] = HeaderBytes.ToLower(name[i]);
        }

        var written = WriteField(room, HpackNames.Find(lower), lower, value, neverIndexed);
        scratch.Release();
        return written;
    }

    private int WriteField(Span<byte> room, byte code, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed)
    {
        if (room.Length < MaxFieldBytes(name.Length, value.Length))
        {
            throw new ArgumentException("the room must be MaxFieldBytes long", nameof(room));
        }

        var policy = neverIndexed ? HpackIndexing.Never : HpackIndexingPolicy.Of(code);
        var nameIndex = HpackStaticTable.IndexOf(code);
        if (nameIndex != 0 && policy != HpackIndexing.Never)
        {
            var index = HpackStaticTable.IndexOf(code, nameIndex, value);
            if (index != 0)
            {
                return HpackInteger.Write(room, 0x80, 0x7F, index);
            }
        }

        if (policy >= HpackIndexing.Plain)
        {
            if (nameIndex == 0 && _index.FindName(HpackEncoderIndex.HashName(code, name), code, name, out var named))
            {
                nameIndex = WireIndex(named);
            }

            return WriteLiteral(room, policy == HpackIndexing.Never ? NeverIndexed : NotIndexed, 0x0F, nameIndex, name, value);
        }

        return WriteIndexing(room, code, name, value, policy, nameIndex);
    }

    private int WriteIndexing(Span<byte> room, byte code, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HpackIndexing policy, int nameIndex)
    {
        var nameHash = HpackEncoderIndex.HashName(code, name);
        var fieldHash = 0u;
        if (policy == HpackIndexing.Adaptive)
        {
            fieldHash = HpackEncoderIndex.HashField(nameHash, value);
            if (_index.FindField(fieldHash, code, name, value, out var same))
            {
                _table.At(same).Hit = true;
                return HpackInteger.Write(room, 0x80, 0x7F, WireIndex(same));
            }
        }

        // A large entry would drop too much that is of use.
        var insert = name.Length + value.Length + HpackDynamicTable.EntryOverhead <= _table.MaxBytes / 2;
        if (_index.FindName(nameHash, code, name, out var last))
        {
            insert &= _table.At(last).Hit;
            nameIndex = nameIndex == 0 ? WireIndex(last) : nameIndex;
        }

        if (!insert)
        {
            return WriteLiteral(room, NotIndexed, 0x0F, nameIndex, name, value);
        }

        var written = WriteLiteral(room, Indexed, 0x3F, nameIndex, name, value);
        if (_table.Insert(code, name, value))
        {
            _index.Add(nameHash, fieldHash);
        }

        return written;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int WireIndex(uint number) => (int)(_table.NextNumber - number) + HpackStaticTable.Count;

    private static int WriteLiteral(Span<byte> room, byte first, int mask, int nameIndex, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var at = HpackInteger.Write(room, first, mask, nameIndex);
        if (nameIndex == 0)
        {
            at += WriteCoded(room[at..], name);
        }

        // What is indexed is sent once for many.
        return at + (first == Indexed || value.Length >= MinOnceCodedBytes ? WriteCoded(room[at..], value) : WritePlain(room[at..], value));
    }

    private static int WriteCoded(Span<byte> room, ReadOnlySpan<byte> text)
    {
        if (text.Length < 0x7F)
        {
            // The length of what comes of it fits into one byte, so it can be put in afterwards.
            if (HuffmanEncoder.TryEncodeShorter(text, room[1..], out var written))
            {
                room[0] = (byte)(0x80 | written);
                return 1 + written;
            }
        }
        else
        {
            var encoded = HuffmanEncoder.EncodedBytes(text);
            if (encoded < text.Length)
            {
                var at = HpackInteger.Write(room, 0x80, 0x7F, encoded);
                HuffmanEncoder.TryEncodeShorter(text, room[at..], out _);
                return at + encoded;
            }
        }

        return WritePlain(room, text);
    }

    private static int WritePlain(Span<byte> room, ReadOnlySpan<byte> text)
    {
        var at = HpackInteger.Write(room, 0x00, 0x7F, text.Length);
        text.CopyTo(room[at..]);
        return at + text.Length;
    }
}
