using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>
/// Reads a block of lines that an empty line ends: a head or a trailer section. Keeps the block in one piece of
/// memory, resumes where it stopped, and hands each line to what derives from it.
/// </summary>
/// <remarks>
/// A line is judged when its line feed has arrived, or the size limit has: so the outcome does not depend on how the
/// bytes were split, and every byte is looked at a fixed number of times however few arrive at once.
/// </remarks>
internal abstract unsafe class Http1FieldReader
{
    private const int MaxEmptyLines = 4;

    private int _lineStart;     // of the first line that was not judged yet, from the block's first byte
    private int _scanned;       // no line feed from _lineStart up to here
    private int _emptyLines;
    private bool _startLineDone;
    private bool _filters;      // a trailer section: not every field is kept

    private readonly bool _skipsEmptyLines;

    private protected Http1FieldReader(Http1CodecOptions options, bool skipsEmptyLines)
    {
        Options = options;
        _skipsEmptyLines = skipsEmptyLines;
        MaxBytes = options.HeadKb * 1024;
        Debug.Assert(MaxBytes <= SlabPool.MaxSlabBytes, "a head lies in one slab, and offsets into it are 16 bits wide");
    }

    /// <summary>How many bytes were looked at, for the test that reading is linear.</summary>
    internal long BytesExamined { get; private set; }

    protected Http1CodecOptions Options { get; }

    protected int MaxBytes { get; }

    /// <summary>How many headers of this block were left out for an underscore in their names.</summary>
    public int DroppedUnderscores { get; private set; }

    /// <summary>Header lines so far.</summary>
    protected int FieldCount { get; private set; }

    private protected Http1Error CurrentError { get; set; }

    protected void ResetBlock(bool hasStartLine)
    {
        _filters = !hasStartLine;
        _lineStart = 0;
        _scanned = 0;
        _emptyLines = 0;
        _startLineDone = !hasStartLine;
        FieldCount = 0;
        DroppedUnderscores = 0;
    }

    /// <summary>Reads what is there. On Complete the block is drained and <paramref name="map"/> holds its memory.</summary>
    private protected DecodeStatus ReadBlock(IoBuffer input, HeaderMap? map)
    {
        while (!input.IsEmpty)
        {
            var slab = input.FirstSlab;
            var start = input.FirstOffset;
            var first = input.FirstSpan.Length;
            var length = Math.Min(first, MaxBytes);
            var result = ReadLines(slab.Pointer + start, length, slab.Size - start, map);
            if (result == EmptyLine)
            {
                input.Drain(2);
                continue;
            }

            // Also when the block is not complete, so that what there is can be read (a timeout, an access log).
            map?.AttachHead(slab, start);
            if (result > 0)
            {
                var accepted = OnBlockEnd(map);
                input.Drain(result);
                return accepted ? DecodeStatus.Complete : DecodeStatus.Error;
            }

            if (result == Failed)
            {
                return DecodeStatus.Error;
            }

            if (length == MaxBytes)
            {
                return Fail(Http1Errors.TooLarge);
            }

            if (first == input.Length)
            {
                return DecodeStatus.NeedMore;
            }

            // The block runs on in the next slice. Twice the room each time, so that few slices are copied twice.
            var readable = (int)Math.Min(input.Length, SlabPool.MaxSlabBytes);
            readable = Math.Min(readable, Math.Max(2 * first, 1024));
            input.MakeContiguous(readable, Math.Min(2 * readable, SlabPool.MaxSlabBytes));
        }

        return DecodeStatus.NeedMore;
    }

    private const int Incomplete = 0;
    private const int Failed = -1;
    private const int EmptyLine = -2;

    /// <summary>Whether the first byte can begin a start line at all.</summary>
    private protected abstract bool CheckFirstByte(byte first);

    /// <summary>Reads the start line at <paramref name="p"/>. Returns its length, 0 if it is not complete, -1 for an error.</summary>
    private protected abstract int ReadStartLine(byte* p, int length, int loadable, HeaderMap map);

    /// <summary>
    /// Acts on a header whose name is one of the special ones. False: leave it out. Sets the error if it must be refused.
    /// </summary>
    private protected abstract bool OnSpecial(HeaderId id, ReadOnlySpan<byte> value);

    /// <summary>Whether a trailer field belongs into the map.</summary>
    private protected abstract bool Keeps(HeaderId id, byte* name, int length);

    /// <summary>The end of the block was found, and the map can be read. False with the error set to refuse.</summary>
    private protected abstract bool OnBlockEnd(HeaderMap? map);

    private protected DecodeStatus Fail(in Http1Error error)
    {
        CurrentError = error;
        return DecodeStatus.Error;
    }

    private int ReadLines(byte* p, int length, int loadable, HeaderMap? map)
    {
        if (_scanned > _lineStart)
        {
            // Resumed within a line: only what is new can hold its end.
            BytesExamined += length - _scanned;
            if (length < MaxBytes && new ReadOnlySpan<byte>(p + _scanned, length - _scanned).IndexOf((byte)'\n') < 0)
            {
                _scanned = length;
                return Incomplete;
            }
        }

        var position = _lineStart;
        BytesExamined += length - position;
        int used;
        if (!_startLineDone)
        {
            if (*p == '\r' && _skipsEmptyLines)
            {
                used = SkipEmptyLine(p, length);
                return used == Failed ? Judge(p, position, length) : used;
            }

            if (!CheckFirstByte(*p))
            {
                return Failed;
            }

            used = ReadStartLine(p, length, loadable, map!);
            if (used <= 0)
            {
                return used == 0 ? Pause(position, length) : Judge(p, position, length);
            }

            position = used;
            _lineStart = position;
            _startLineDone = true;
        }

        while (position < length)
        {
            if (p[position] == '\r' && position + 1 < length && p[position + 1] == '\n')
            {
                return position + 2;
            }

            used = ReadField(p, position, length, loadable, map);
            if (used <= 0)
            {
                return used == 0 ? Pause(position, length) : Judge(p, position, length);
            }

            position += used;
            _lineStart = position;
        }

        return Pause(position, length);
    }

    private int SkipEmptyLine(byte* p, int length)
    {
        // RFC 9112 section 2.2: a server should ignore an empty line or two before the request line.
        if (length < 2)
        {
            return Pause(0, length);
        }

        if (p[1] != '\n' || ++_emptyLines > MaxEmptyLines)
        {
            CurrentError = p[1] != '\n' ? Http1Errors.BadLineEnd : Http1Errors.TooManyEmptyLines;
            return Failed;
        }

        _scanned = 0;
        return EmptyLine;
    }

    private int ReadField(byte* block, int position, int length, int loadable, HeaderMap? map)
    {
        var p = block + position;
        length -= position;
        loadable -= position;
        var nameLength = HeaderBytes.IndexOfNonToken(p, length, loadable);
        if (nameLength == length)
        {
            return Incomplete;
        }

        if (p[nameLength] != ':' || nameLength == 0)
        {
            return FailName(p, nameLength, length);
        }

        var value = nameLength + 1;
        if (value < length && p[value] == ' ')
        {
            value++;
        }

        var whole = true;
        while (value < length && p[value] is (byte)' ' or (byte)'\t')
        {
            value++;
            whole = false;
        }

        var end = value + HeaderBytes.IndexOfControl(p + value, length - value, loadable - value);
        if (end + 1 >= length)
        {
            if (end < length && p[end] != '\r')
            {
                CurrentError = p[end] == '\n' ? Http1Errors.BadLineEnd : Http1Errors.BadValue;
                return Failed;
            }

            return Incomplete;
        }

        if (p[end] != '\r' || p[end + 1] != '\n')
        {
            CurrentError = p[end] is (byte)'\r' or (byte)'\n' ? Http1Errors.BadLineEnd : Http1Errors.BadValue;
            return Failed;
        }

        var valueEnd = end;
        while (valueEnd > value && p[valueEnd - 1] is (byte)' ' or (byte)'\t')
        {
            valueEnd--;
            whole = false;
        }

        if (++FieldCount > Options.MaxHeadersCount)
        {
            CurrentError = Http1Errors.TooMany;
            return Failed;
        }

        if (!Accept(p, nameLength, new ReadOnlySpan<byte>(p + value, valueEnd - value), out var id, out var keep))
        {
            return Failed;
        }

        if (keep && map is not null)
        {
            if (!Options.Protocol.PreserveCase)
            {
                HeaderBytes.MakeLower(p, nameLength);
            }

            map.AddReceived(id, position, nameLength, position + value, valueEnd - value, whole);
        }

        return end + 2;
    }

    private bool Accept(byte* name, int nameLength, ReadOnlySpan<byte> value, out HeaderId id, out bool keep)
    {
        keep = true;
        id = HeaderTable.Find(name, nameLength);
        if (id == HeaderId.None)
        {
            if (Options.HeadersWithUnderscoresAction != HeadersWithUnderscoresAction.Allow
                && new ReadOnlySpan<byte>(name, nameLength).Contains((byte)'_'))
            {
                if (Options.HeadersWithUnderscoresAction == HeadersWithUnderscoresAction.RejectRequest)
                {
                    CurrentError = Http1Errors.Underscore;
                    return false;
                }

                DroppedUnderscores++;
                keep = false;
                return true;
            }
        }
        else if (id <= HeaderTable.LastSpecial)
        {
            keep = OnSpecial(id, value);
            if (CurrentError.IsSet)
            {
                return false;
            }
        }

        if (_filters && keep)
        {
            keep = Keeps(id, name, nameLength);
        }

        return true;
    }

    private int FailName(byte* p, int nameLength, int length)
    {
        var found = p[nameLength];
        if (found is (byte)' ' or (byte)'\t')
        {
            CurrentError = nameLength == 0 ? Http1Errors.ObsoleteFold : Http1Errors.SpaceBeforeColon;
        }
        else if (found == '\r' && nameLength == 0 && length == 1)
        {
            return Incomplete;
        }
        else
        {
            CurrentError = found is (byte)'\r' or (byte)'\n' ? Http1Errors.BadLineEnd : Http1Errors.BadName;
        }

        return Failed;
    }

    private int Pause(int position, int length)
    {
        _lineStart = position;
        _scanned = length;
        return Incomplete;
    }

    /// <summary>An error within a line counts when the line's end, or the limit, is there.</summary>
    private int Judge(byte* p, int position, int length)
    {
        Debug.Assert(CurrentError.IsSet);
        if (length == MaxBytes || new ReadOnlySpan<byte>(p + position, length - position).IndexOf((byte)'\n') >= 0)
        {
            return Failed;
        }

        CurrentError = default;
        return Pause(position, length);
    }
}
