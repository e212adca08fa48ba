using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>
/// Takes the chunked coding off (RFC 9112 section 7.1), up to the last chunk's line; the trailer section is its owner's.
/// Chunk data is moved, not copied; a chunk's line is read byte by byte, for it is a few bytes long. Extensions are
/// checked, limited and dropped.
/// </summary>
internal struct Http1ChunkReader
{
    /// <summary>How many bytes of extensions a message may have, all chunks together.</summary>
    public const int MaxExtensionBytes = 16 * 1024;

    // 15 hexadecimal digits stay below 2^60; leading zeros count, or they could go on forever.
    private const int MaxSizeDigits = 15;

    private State _state;
    private int _digits;
    private int _extensionBytes;
    private long _size;

    /// <summary>Why <see cref="Read"/> returned Error.</summary>
    public Http1Error Error { get; private set; }

    private enum State : byte
    {
        SizeStart,
        Size,
        BeforeSemicolon,
        BeforeName,
        Name,
        BeforeEquals,
        BeforeValue,
        Value,
        Quoted,
        QuotedPair,
        AfterQuoted,
        LineFeed,
        Data,
        DataReturn,
        DataLineFeed,
    }

    /// <summary>Complete when the last chunk's line was read.</summary>
    public DecodeStatus Read(IoBuffer input, IoBuffer output)
    {
        while (!input.IsEmpty)
        {
            if (_state == State.Data)
            {
                var n = Math.Min(_size, input.Length);
                output.MoveFrom(input, n);
                _size -= n;
                if (_size == 0)
                {
                    _state = State.DataReturn;
                }

                continue;
            }

            var span = input.FirstSpan;
            var i = 0;
            var done = false;
            while (i < span.Length && _state != State.Data && !done)
            {
                if (!Step(span[i++], ref done))
                {
                    return DecodeStatus.Error;
                }
            }

            input.Drain(i);
            if (done)
            {
                return DecodeStatus.Complete;
            }
        }

        return DecodeStatus.NeedMore;
    }

    private bool Step(byte b, ref bool done)
    {
        switch (_state)
        {
            case State.SizeStart:
            case State.Size:
                return OnSize(b);

            case State.LineFeed:
                if (b != '\n')
                {
                    return Refuse(Http1Errors.BadLineEnd);
                }

                done = _size == 0;
                _digits = 0;
                _state = _size == 0 ? State.SizeStart : State.Data;
                return true;

            case State.DataReturn:
                _state = State.DataLineFeed;
                return b == '\r' || Refuse(Http1Errors.BadChunkEnd);

            case State.DataLineFeed:
                _state = State.SizeStart;
                return b == '\n' || Refuse(Http1Errors.BadChunkEnd);

            default:
                return OnExtension(b);
        }
    }

    private bool OnSize(byte b)
    {
        if (char.IsAsciiHexDigit((char)b))
        {
            if (++_digits > MaxSizeDigits)
            {
                return Refuse(Http1Errors.BadChunkSize);
            }

            if (_digits == 1)
            {
                _size = 0;
            }

            _size = (_size << 4) | (uint)((b & 0x0F) + (b > '9' ? 9 : 0));
            _state = State.Size;
            return true;
        }

        if (_digits == 0)
        {
            return Refuse(Http1Errors.BadChunkSize);
        }

        switch (b)
        {
            case (byte)'\r':
                _state = State.LineFeed;
                return true;
            case (byte)';':
                _state = State.BeforeName;
                return CountExtension();
            case (byte)' ' or (byte)'\t':
                // White space is allowed before a semicolon only (RFC 9112 section 7.1.1).
                _state = State.BeforeSemicolon;
                return CountExtension();
            default:
                return Refuse(Http1Errors.BadChunkSize);
        }
    }

    // chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS ( token / quoted-string ) ] )
    private bool OnExtension(byte b)
    {
        if (!CountExtension())
        {
            return false;
        }

        var white = b is (byte)' ' or (byte)'\t';
        var token = HeaderBytes.IsToken(b);
        State? next = _state switch
        {
            State.BeforeSemicolon => white ? State.BeforeSemicolon : b == ';' ? State.BeforeName : null,
            State.BeforeName => white ? State.BeforeName : token ? State.Name : null,
            State.Name => token ? State.Name : white ? State.BeforeEquals : AfterName(b),
            State.BeforeEquals => white ? State.BeforeEquals : b is (byte)'\r' ? null : AfterName(b),
            State.BeforeValue => white ? State.BeforeValue : b == '"' ? State.Quoted : token ? State.Value : null,
            State.Value => token ? State.Value : AfterValue(b, white),
            State.Quoted => b == '"' ? State.AfterQuoted : b == '\\' ? State.QuotedPair : IsQuotable(b) ? State.Quoted : null,
            State.QuotedPair => IsQuotable(b) ? State.Quoted : null,
            State.AfterQuoted => AfterValue(b, white),
            _ => null,
        };
        _state = next ?? _state;
        return next is not null || Refuse(Http1Errors.BadChunkExtension);
    }

    private bool CountExtension()
    {
        if (++_extensionBytes <= MaxExtensionBytes)
        {
            return true;
        }

        return Refuse(Http1Errors.ChunkExtensionsTooLong);
    }

    private bool Refuse(in Http1Error error)
    {
        Error = error;
        return false;
    }

    private static State? AfterName(byte b) => b switch
    {
        (byte)'=' => State.BeforeValue,
        (byte)';' => State.BeforeName,
        (byte)'\r' => State.LineFeed,
        _ => null,
    };

    private static State? AfterValue(byte b, bool white) => b switch
    {
        (byte)';' => State.BeforeName,
        (byte)'\r' => State.LineFeed,
        _ => white ? State.BeforeSemicolon : null,
    };

    private static bool IsQuotable(byte b) => b is (byte)'\t' or >= 0x20 and not 0x7F;
}
