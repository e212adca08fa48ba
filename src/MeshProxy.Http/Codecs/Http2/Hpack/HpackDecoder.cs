using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Decodes the header blocks of one connection (RFC 7541). Single-threaded; no block may be left out.</summary>
/// <remarks>It holds no memory until the peer indexes something, and allocates only while its table grows.</remarks>
internal sealed class HpackDecoder
{
    /// <summary>What SETTINGS_HEADER_TABLE_SIZE is before anybody says otherwise (RFC 9113 section 6.5.2).</summary>
    public const int DefaultTableBytes = 4096;

    /// <summary>The default of the hard limit on what one block may stand for: 1 MiB.</summary>
    public const int DefaultMaxListBytes = 1024 * 1024;

    private const int NameScratchBytes = 256;
    private const int ValueScratchBytes = 1024;

    private readonly HpackDynamicTable _table;
    private readonly int _maxListBytes;
    private int _tableLimit;
    private int _requiredLimit = int.MaxValue;

    /// <param name="tableBytes">The table's size at the start. In HTTP/2 that is 4096, whatever our SETTINGS say: see <see cref="SetTableLimit"/>.</param>
    /// <param name="maxListBytes">
    /// What a block's headers may come to, each counted as name, value and 32 bytes, before the connection is given up.
    /// It should be several times what the sink takes, so that a merely large list fails its stream only.
    /// </param>
    public HpackDecoder(int tableBytes = DefaultTableBytes, int maxListBytes = DefaultMaxListBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxListBytes);
        _table = new HpackDynamicTable(tableBytes);
        _tableLimit = tableBytes;
        _maxListBytes = maxListBytes;
    }

    /// <summary>What the last block's headers came to, as SETTINGS_MAX_HEADER_LIST_SIZE counts: name, value and 32 bytes each.</summary>
    public int ListBytes { get; private set; }

    internal HpackDynamicTable Table => _table;

    /// <summary>Sets our SETTINGS_HEADER_TABLE_SIZE, once the peer has acknowledged it. At most <see cref="HpackDynamicTable.MaxTableBytes"/>.</summary>
    /// <remarks>If the table's size is above it, the peer's next block must begin by lowering it, even if the setting has been raised again by then.</remarks>
    public void SetTableLimit(int tableBytes)
    {
        HpackDynamicTable.CheckSize(tableBytes);
        _tableLimit = tableBytes;
        if (tableBytes < _table.MaxBytes)
        {
            _requiredLimit = Math.Min(_requiredLimit, tableBytes);
        }
    }

    /// <summary>Gives back memory that holds nothing. For a connection that has become idle.</summary>
    public void Trim() => _table.Trim();

    /// <summary>Decodes one whole header block: the fragments of a HEADERS or PUSH_PROMISE frame and its CONTINUATIONs.</summary>
    /// <returns>An error ends the connection; the headers before it have been given to the sink.</returns>
    [SkipLocalsInit]
    public HpackError Decode<TSink>(ReadOnlySpan<byte> block, ref TSink sink)
        where TSink : IHpackSink
    {
        ListBytes = 0;
        var at = 0;
        var error = ReadSizeUpdates(block, ref at);
        if (error != HpackError.None)
        {
            return error;
        }

        var nameScratch = new HpackScratch(stackalloc byte[NameScratchBytes]);
        var valueScratch = new HpackScratch(stackalloc byte[ValueScratchBytes]);
        error = ReadFields(block, at, ref sink, ref nameScratch, ref valueScratch);
        nameScratch.Release();
        valueScratch.Release();
        return error;
    }

    private HpackError ReadFields<TSink>(ReadOnlySpan<byte> block, int at, ref TSink sink, scoped ref HpackScratch nameScratch, scoped ref HpackScratch valueScratch)
        where TSink : IHpackSink
    {
        var wanted = true;
        var listBytes = 0L;
        while (at < block.Length)
        {
            HpackError error;
            int index;
            byte code;
            ReadOnlySpan<byte> name;
            ReadOnlySpan<byte> value;
            int first = block[at];
            if (first >= 0x80)
            {
                // Indexed field (section 6.1).
                error = HpackInteger.Read(block, ref at, 0x7F, out index);
                if (error != HpackError.None)
                {
                    return error;
                }

                error = Look(index, out code, out name, out value);
            }
            else if ((first & 0xE0) == 0x20)
            {
                return HpackError.TableSizeUpdateNotFirst;
            }
            else
            {
                // Literal: with indexing 01 (section 6.2.1), without 0000 (6.2.2), never indexed 0001 (6.2.3).
                error = HpackInteger.Read(block, ref at, first >= 0x40 ? 0x3F : 0x0F, out index);
                if (error != HpackError.None)
                {
                    return error;
                }

                error = ReadName(block, ref at, index, ref nameScratch, out code, out name);
                value = default;
                if (error == HpackError.None)
                {
                    error = ReadString(block, ref at, ref valueScratch, out value);
                }
            }

            if (error != HpackError.None)
            {
                return error;
            }

            listBytes += name.Length + value.Length + HpackDynamicTable.EntryOverhead;
            if (listBytes > _maxListBytes)
            {
                return HpackError.HeaderListTooLarge;
            }

            ListBytes = (int)listBytes;
            if (wanted)
            {
                wanted = sink.OnHeader(new HpackField(code, name, value, (first & 0xF0) == 0x10));
            }

            if ((first & 0xC0) == 0x40)
            {
                // A name out of the table would move while the new entry is made, or be dropped for it (section 4.4).
                _table.Insert(code, index > HpackStaticTable.Count ? nameScratch.Copy(name) : name, value);
            }
        }

        return HpackError.None;
    }

    private HpackError ReadSizeUpdates(ReadOnlySpan<byte> block, ref int at)
    {
        while (at < block.Length && (block[at] & 0xE0) == 0x20)
        {
            var error = HpackInteger.Read(block, ref at, 0x1F, out var bytes);
            if (error != HpackError.None)
            {
                return error;
            }

            if (bytes > _tableLimit)
            {
                return HpackError.TableSizeAboveSetting;
            }

            if (bytes <= _requiredLimit)
            {
                _requiredLimit = int.MaxValue;
            }

            _table.Resize(bytes);
        }

        return _requiredLimit == int.MaxValue ? HpackError.None : HpackError.TableSizeUpdateMissing;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private HpackError Look(int index, out byte code, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        if ((uint)(index - 1) < HpackStaticTable.Count)
        {
            ref readonly var known = ref HpackStaticTable.At(index);
            code = known.Code;
            name = known.Name;
            value = known.Value;
            return HpackError.None;
        }

        var place = index - HpackStaticTable.Count - 1;
        if ((uint)place < (uint)_table.Count)
        {
            ref var entry = ref _table.FromNewest(place);
            code = entry.Code;
            name = _table.NameOf(entry);
            value = _table.ValueOf(entry);
            return HpackError.None;
        }

        code = 0;
        name = default;
        value = default;
        return index == 0 ? HpackError.IndexZero : HpackError.IndexOutOfRange;
    }

    private HpackError ReadName(ReadOnlySpan<byte> block, scoped ref int at, int index, scoped ref HpackScratch scratch, out byte code, out ReadOnlySpan<byte> name)
    {
        if (index != 0)
        {
            return Look(index, out code, out name, out _);
        }

        var error = ReadString(block, ref at, ref scratch, out name);
        code = error == HpackError.None ? HpackNames.Find(name) : (byte)0;
        return error;
    }

    private static HpackError ReadString(ReadOnlySpan<byte> block, scoped ref int at, scoped ref HpackScratch scratch, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (at >= block.Length)
        {
            return HpackError.TruncatedString;
        }

        var huffman = block[at] >= 0x80;
        var error = HpackInteger.Read(block, ref at, 0x7F, out var length);
        if (error != HpackError.None)
        {
            return error;
        }

        if (length > block.Length - at)
        {
            return HpackError.TruncatedString;
        }

        text = block.Slice(at, length);
        at += length;
        if (huffman)
        {
            var room = scratch.Get(HuffmanDecoder.MaxDecodedBytes(length));
            error = HuffmanDecoder.Decode(text, room, out var written);
            text = room[..written];
        }

        return error;
    }
}
