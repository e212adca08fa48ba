using System.Buffers;
using System.Buffers.Text;
using System.Text;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.AccessLog;

/// <summary>The bytes of one log line. Reused; a thread has its own.</summary>
/// <remarks>
/// Control bytes become <c>\xNN</c>, so that no value can begin a line of its own. What a peer chose (headers, server name) also has its quotes and
/// backslashes escaped (<c>\x22</c>, <c>\x5C</c>), so that it cannot leave the quotes that a format puts around it. Envoy leaves both as they are.
/// </remarks>
internal sealed class AccessLogWriter
{
    private const int RetainedBytes = 64 * 1024;

    private static readonly SearchValues<byte> Control = SearchValues.Create(ControlBytes());
    private static readonly SearchValues<byte> Untrusted = SearchValues.Create([.. ControlBytes(), (byte)'"', (byte)'\\']);

    [ThreadStatic]
    private static AccessLogWriter? _forThread;

    private byte[] _bytes = new byte[1024];
    private int _length;
    private int _limit = int.MaxValue;

    // The last START_TIME's second, because lines of one second come together.
    private long _second = long.MinValue;
    private readonly byte[] _timeText = new byte[24];

    /// <summary>The running thread's writer, emptied.</summary>
    public static AccessLogWriter ForThread
    {
        get
        {
            var writer = _forThread ??= new AccessLogWriter();
            if (writer._bytes.Length > RetainedBytes)
            {
                writer._bytes = new byte[1024];
            }

            writer._length = 0;
            return writer;
        }
    }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>The most bytes that the next value may take, before escaping.</summary>
    public void SetLimit(int bytes) => _limit = bytes;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes = Cut(bytes);
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    public void Append(byte value) => Append(new ReadOnlySpan<byte>(in value));

    /// <summary>Text of the configuration or of a filter.</summary>
    public void AppendText(string text)
    {
        var start = _length;
        var room = Room(Encoding.UTF8.GetMaxByteCount(text.Length));
        var n = Encoding.UTF8.GetBytes(text, room);
        var kept = Cut(room[..n]).Length;
        _length += kept;
        var first = _bytes.AsSpan(start, kept).IndexOfAny(Control);
        if (first >= 0)
        {
            var raw = _bytes.AsSpan(start + first, kept - first).ToArray();
            _length = start + first;
            AppendEscaped(raw, Control);
        }
    }

    /// <summary>Bytes that a peer chose.</summary>
    public void AppendUntrusted(ReadOnlySpan<byte> bytes) => AppendEscaped(Cut(bytes), Untrusted);

    /// <summary>Text that a peer chose.</summary>
    public void AppendUntrusted(string text)
    {
        Span<byte> small = stackalloc byte[512];
        var max = Encoding.UTF8.GetMaxByteCount(text.Length);
        var utf8 = max <= small.Length ? small : new byte[max];
        AppendUntrusted(utf8[..Encoding.UTF8.GetBytes(text, utf8)]);
    }

    public void AppendNumber(long value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out var n);
        Append(digits[..n]);
    }

    public void AppendNumber(ulong value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out var n);
        Append(digits[..n]);
    }

    /// <summary>A number with leading zeros, at most 19 digits.</summary>
    public void AppendDigits(long value, int width)
    {
        Span<byte> digits = stackalloc byte[20];
        Digits(digits[..width], value);
        Append(digits[..width]);
    }

    /// <summary><c>127.0.0.1:80</c>, without making the string.</summary>
    public void AppendAddress(NetworkAddress address, bool withPort)
    {
        if (address is not SocketAddress socket)
        {
            AppendText(address.ToString());
            return;
        }

        Span<byte> text = stackalloc byte[80];
        socket.Address.TryFormat(text, out var n);
        if (!withPort)
        {
            Append(text[..n]);
            return;
        }

        var v6 = socket.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (v6)
        {
            Append((byte)'[');
        }

        Append(text[..n]);
        if (v6)
        {
            Append((byte)']');
        }

        Append((byte)':');
        AppendNumber(socket.Port);
    }

    /// <summary><c>2016-04-15T20:17:00.310Z</c>.</summary>
    public void AppendTime(DateTimeOffset time)
    {
        var ticks = time.UtcTicks;
        var second = ticks / TimeSpan.TicksPerSecond;
        var text = _timeText.AsSpan();
        if (second != _second)
        {
            var utc = time.UtcDateTime;
            "0000-00-00T00:00:00.000Z"u8.CopyTo(text);
            Digits(text[..4], utc.Year);
            Digits(text[5..7], utc.Month);
            Digits(text[8..10], utc.Day);
            Digits(text[11..13], utc.Hour);
            Digits(text[14..16], utc.Minute);
            Digits(text[17..19], utc.Second);
            _second = second;
        }

        Digits(text[20..23], ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMillisecond);
        Append(text);
    }

    private static void Digits(Span<byte> room, long value)
    {
        for (var i = room.Length - 1; i >= 0; i--)
        {
            room[i] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }

    private static byte[] ControlBytes() => [.. Enumerable.Range(0, 32).Select(static i => (byte)i), 0x7F];

    private void AppendEscaped(ReadOnlySpan<byte> bytes, SearchValues<byte> escaped)
    {
        while (!bytes.IsEmpty)
        {
            var clean = bytes.IndexOfAny(escaped);
            if (clean < 0)
            {
                clean = bytes.Length;
            }

            bytes[..clean].CopyTo(Room(clean));
            _length += clean;
            bytes = bytes[clean..];
            if (!bytes.IsEmpty)
            {
                var room = Room(4);
                room[0] = (byte)'\\';
                room[1] = (byte)'x';
                room[2] = "0123456789ABCDEF"u8[bytes[0] >> 4];
                room[3] = "0123456789ABCDEF"u8[bytes[0] & 15];
                _length += 4;
                bytes = bytes[1..];
            }
        }
    }

    private ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= _limit)
        {
            _limit -= _limit == int.MaxValue ? 0 : bytes.Length;
            return bytes;
        }

        var n = _limit;
        _limit = 0;

        // Not through the middle of a UTF-8 character.
        while (n > 0 && (bytes[n] & 0xC0) == 0x80)
        {
            n--;
        }

        return bytes[..n];
    }

    private Span<byte> Room(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        }

        return _bytes.AsSpan(_length);
    }
}
