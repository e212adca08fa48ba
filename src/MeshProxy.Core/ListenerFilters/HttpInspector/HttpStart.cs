using System.Buffers;

namespace MeshProxy.Core.ListenerFilters.HttpInspector;

/// <summary>What a connection's first bytes are.</summary>
internal enum HttpStartStatus : byte
{
    NeedMore,
    Http10,
    Http11,
    Http2,
    NotHttp,
}

/// <summary>Knows HTTP by its first line (RFC 9112, section 3) or by HTTP/2's preface (RFC 9113, section 3.4). Takes the bytes in pieces.</summary>
/// <remarks>A mutable struct, linear in what it gets. It looks no closer than it takes to choose a filter chain: the codec judges.</remarks>
internal struct HttpStart
{
    /// <summary>Envoy's: a request line that is longer is none.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int MaxMethodBytes = 32;
    private const int VersionBytes = 9; // " HTTP/1.x"

    private static readonly SearchValues<byte> s_token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private State _state;
    private int _length;
    private int _matched;
    private ulong _tail;
    private byte _beforeTail;

    private enum State : byte
    {
        Empty,
        Method,
        Target,
        LineEnd,
    }

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public HttpStartStatus Status { get; private set; }

    /// <summary>Bytes that were looked at.</summary>
    public int BytesSeen { get; private set; }

    /// <summary>Takes the bytes behind those that it has seen.</summary>
    public HttpStartStatus Append(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (Status != HttpStartStatus.NeedMore)
            {
                break;
            }

            BytesSeen++;
            Status = _matched == BytesSeen - 1 && Preface[_matched] == value ? TakePreface(value) : TakeLine(value);
            if (Status == HttpStartStatus.NeedMore && BytesSeen == MaxBytes)
            {
                Status = HttpStartStatus.NotHttp;
            }
        }

        return Status;
    }

    /// <summary>While all is the preface, it may also still be a request line: both are followed.</summary>
    private HttpStartStatus TakePreface(byte value)
    {
        _matched++;
        if (_matched == Preface.Length)
        {
            return HttpStartStatus.Http2;
        }

        // The line "PRI * HTTP/2.0" is one of no version that the other way knows; its verdict waits.
        if (_state != State.LineEnd)
        {
            TakeLine(value);
        }

        return HttpStartStatus.NeedMore;
    }

    private HttpStartStatus TakeLine(byte value)
    {
        switch (_state)
        {
            case State.Empty when value is (byte)'\r' or (byte)'\n':
                return HttpStartStatus.NeedMore; // RFC 9112, section 2.2: empty lines before the first one
            case State.Empty:
                _state = State.Method;
                goto case State.Method;
            case State.Method:
                if (value == ' ' && _length > 0)
                {
                    _state = State.Target;
                    _length = 0;
                    return HttpStartStatus.NeedMore;
                }

                return ++_length <= MaxMethodBytes && s_token.Contains(value) ? HttpStartStatus.NeedMore : HttpStartStatus.NotHttp;
            case State.Target:
                return TakeTarget(value);
            default:
                return HttpStartStatus.NotHttp;
        }
    }

    /// <summary>The target and the version: only the last nine bytes before the line's end are kept.</summary>
    private HttpStartStatus TakeTarget(byte value)
    {
        if (value is (byte)'\r' or (byte)'\n')
        {
            _state = State.LineEnd;
            return Version();
        }

        if (value is < 0x20 or 0x7F)
        {
            return HttpStartStatus.NotHttp;
        }

        _beforeTail = (byte)(_tail >> 56);
        _tail = (_tail << 8) | value;
        _length++;
        return HttpStartStatus.NeedMore;
    }

    private readonly HttpStartStatus Version()
    {
        if (_length <= VersionBytes || _beforeTail != ' ')
        {
            return HttpStartStatus.NotHttp;
        }

        return _tail switch
        {
            0x485454502F312E31 => HttpStartStatus.Http11, // "HTTP/1.1"
            0x485454502F312E30 => HttpStartStatus.Http10,
            _ => HttpStartStatus.NotHttp,
        };
    }
}
