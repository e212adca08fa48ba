using System.Buffers.Binary;
using System.Text;
using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.TestSupport.Http;

/// <summary>HTTP/2 frame types (RFC 9113 section 6).</summary>
internal enum Http2FrameType : byte
{
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
}

/// <summary>A frame as it came.</summary>
internal sealed record Http2TestFrame(Http2FrameType Type, byte Flags, uint Stream, byte[] Payload)
{
    public bool EndStream => Type is Http2FrameType.Data or Http2FrameType.Headers && (Flags & Http2Frames.EndStream) != 0;

    public bool IsAck => (Flags & Http2Frames.Ack) != 0;

    /// <summary>The code of RST_STREAM or GOAWAY.</summary>
    public uint ErrorCode => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(Type == Http2FrameType.GoAway ? 4 : 0));

    public uint LastStreamId => BinaryPrimitives.ReadUInt32BigEndian(Payload);

    /// <summary>The fields of HEADERS, in order, as "name: value".</summary>
    public List<string> Fields { get; } = [];

    public string Text => Encoding.Latin1.GetString(Payload);

    public string? this[string name] => Fields.FirstOrDefault(f => f.StartsWith(name + ": ", StringComparison.Ordinal))?[(name.Length + 2)..];

    public override string ToString() => $"{Type} {Stream} flags {Flags} {(Type == Http2FrameType.Headers ? string.Join(", ", Fields) : Payload.Length + " bytes")}";
}

/// <summary>Writes HTTP/2 frames by hand, good and bad ones; independent of the codec under test.</summary>
internal static class Http2Frames
{
    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;
    public const byte Padded = 8;
    public const byte HasPriority = 0x20;

    public static byte[] Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    public static byte[] Frame(Http2FrameType type, byte flags, uint stream, params ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        frame[0] = (byte)(payload.Length >> 16);
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)payload.Length;
        frame[3] = (byte)type;
        frame[4] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>Literals without indexing and without Huffman.</summary>
    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            WriteString(block, name);
            WriteString(block, value);
        }

        return block.ToArray();
    }

    public static byte[] Head(uint stream, bool endStream, params (string Name, string Value)[] fields) =>
        Frame(Http2FrameType.Headers, (byte)(EndHeaders | (endStream ? EndStream : 0)), stream, Block(fields));

    /// <summary>A request to host "a".</summary>
    public static byte[] Request(uint stream, string method = "GET", string path = "/", bool endStream = true, params (string Name, string Value)[] more) =>
        Head(stream, endStream, [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a"), .. more]);

    public static byte[] Data(uint stream, string data, bool endStream = false) => Data(stream, Encoding.Latin1.GetBytes(data), endStream);

    public static byte[] Data(uint stream, ReadOnlySpan<byte> data, bool endStream = false) =>
        Frame(Http2FrameType.Data, endStream ? EndStream : (byte)0, stream, data);

    public static byte[] RstStream(uint stream, uint code) => Frame(Http2FrameType.RstStream, 0, stream, Number(code));

    public static byte[] WindowUpdate(uint stream, uint increment) => Frame(Http2FrameType.WindowUpdate, 0, stream, Number(increment));

    public static byte[] Ping(ulong payload = 0, bool ack = false)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, payload);
        return Frame(Http2FrameType.Ping, ack ? Ack : (byte)0, 0, bytes);
    }

    public static byte[] Priority(uint stream) => Frame(Http2FrameType.Priority, 0, stream, [0, 0, 0, 0, 15]);

    public static byte[] SettingsAck() => Frame(Http2FrameType.Settings, Ack, 0);

    public static byte[] Settings(params (ushort Id, uint Value)[] settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return Frame(Http2FrameType.Settings, 0, 0, payload);
    }

    public static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static void WriteString(MemoryStream to, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < 127)
        {
            to.WriteByte((byte)bytes.Length);
        }
        else
        {
            to.WriteByte(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                to.WriteByte((byte)(rest | 128));
            }

            to.WriteByte((byte)rest);
        }

        to.Write(bytes);
    }
}

/// <summary>Takes frames apart as they come, and unpacks their header blocks.</summary>
internal sealed class Http2FrameReader
{
    private readonly HpackDecoder _hpack = new();
    private readonly List<byte> _rest = [];

    /// <summary>All whole frames so far.</summary>
    public List<Http2TestFrame> Frames { get; } = [];

    /// <summary>Bytes of the client's preface to skip first.</summary>
    public int SkipBytes { get; set; }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        _rest.AddRange(bytes);
        var skip = Math.Min(SkipBytes, _rest.Count);
        _rest.RemoveRange(0, skip);
        SkipBytes -= skip;
        while (_rest.Count >= 9)
        {
            var length = (_rest[0] << 16) | (_rest[1] << 8) | _rest[2];
            if (_rest.Count < 9 + length)
            {
                return;
            }

            var frame = new Http2TestFrame(
                (Http2FrameType)_rest[3], _rest[4], BinaryPrimitives.ReadUInt32BigEndian([_rest[5], _rest[6], _rest[7], _rest[8]]), [.. _rest.GetRange(9, length)]);
            _rest.RemoveRange(0, 9 + length);
            if (frame.Type == Http2FrameType.Headers)
            {
                var sink = new Sink(frame.Fields);
                if (_hpack.Decode(frame.Payload, ref sink) is not HpackError.None and var error)
                {
                    throw new InvalidOperationException($"a header block that cannot be decoded: {error}");
                }
            }

            Frames.Add(frame);
        }
    }

    private readonly struct Sink(List<string> fields) : IHpackSink
    {
        public bool OnHeader(in HpackField field)
        {
            fields.Add($"{Encoding.Latin1.GetString(field.Name)}: {Encoding.Latin1.GetString(field.Value)}");
            return true;
        }
    }
}
