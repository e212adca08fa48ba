using System.Buffers.Binary;
using System.Text;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.TestSupport.Http2;

/// <summary>A frame that was read. Of HEADERS and its CONTINUATIONs only one comes, with the fields of the whole block.</summary>
internal sealed record Http2WireFrame(Http2FrameType Type, Http2Flags Flags, uint StreamId, byte[] Payload, (string Name, string Value)[] Fields)
{
    public bool EndStream => Type is Http2FrameType.Data or Http2FrameType.Headers && (Flags & Http2Flags.EndStream) != 0;

    /// <summary>The fields, each as "name: value".</summary>
    public IEnumerable<string> Lines => Fields.Select(f => $"{f.Name}: {f.Value}");

    public bool IsAck => (Flags & Http2Flags.Ack) != 0;

    /// <summary>RST_STREAM's code, or GOAWAY's.</summary>
    public Http2ErrorCode ErrorCode => (Http2ErrorCode)Number(Type == Http2FrameType.GoAway ? 4 : 0);

    /// <summary>GOAWAY's last stream, or WINDOW_UPDATE's increment.</summary>
    public uint Value => Number(0);

    public string Text => Encoding.Latin1.GetString(Payload);

    public string? this[string name] => Fields.FirstOrDefault(f => f.Name == name).Value;

    public uint? Setting(int id)
    {
        for (var at = 0; at < Payload.Length; at += 6)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(Payload.AsSpan(at)) == id)
            {
                return Number(at + 2);
            }
        }

        return null;
    }

    public override string ToString() => $"{Type} {Flags} {StreamId} [{Payload.Length}] {string.Join(", ", Fields.Select(f => $"{f.Name}={f.Value}"))}";

    private uint Number(int at) => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(at));
}

/// <summary>Takes the bytes that an HTTP/2 endpoint writes apart again. Throws where they are not what the protocol wants.</summary>
/// <param name="client">Whether the bytes are a client's, and so begin with the preface.</param>
internal sealed class Http2WireReader(bool client)
{
    private readonly HpackDecoder _decoder = new();
    private readonly List<byte> _bytes = [];
    private bool _prefaceMissing = client;
    private Http2WireFrame? _head;

    /// <summary>All frames so far.</summary>
    public List<Http2WireFrame> Frames { get; } = [];

    /// <summary>Takes some bytes; gives the frames that they complete.</summary>
    public List<Http2WireFrame> Feed(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        var frames = new List<Http2WireFrame>();
        if (_prefaceMissing)
        {
            if (_bytes.Count < Http2FrameHeader.Preface.Length)
            {
                return frames;
            }

            if (!_bytes.Take(Http2FrameHeader.Preface.Length).SequenceEqual(Http2FrameHeader.Preface.ToArray()))
            {
                throw new InvalidDataException("no client preface");
            }

            _bytes.RemoveRange(0, Http2FrameHeader.Preface.Length);
            _prefaceMissing = false;
        }

        while (TryRead() is { } frame)
        {
            if (Assemble(frame) is { } whole)
            {
                frames.Add(whole);
            }
        }

        Frames.AddRange(frames);
        return frames;
    }

    private Http2WireFrame? TryRead()
    {
        if (_bytes.Count < Http2FrameHeader.Bytes)
        {
            return null;
        }

        var header = Http2FrameHeader.Read(_bytes.Take(Http2FrameHeader.Bytes).ToArray());
        if (header.Length > Http2FrameHeader.DefaultMaxFrameBytes)
        {
            throw new InvalidDataException($"a frame of {header.Length} bytes");
        }

        if (_bytes.Count < Http2FrameHeader.Bytes + header.Length)
        {
            return null;
        }

        var payload = _bytes.GetRange(Http2FrameHeader.Bytes, header.Length).ToArray();
        _bytes.RemoveRange(0, Http2FrameHeader.Bytes + header.Length);
        return new Http2WireFrame(header.Type, header.Flags, header.StreamId, payload, []);
    }

    private Http2WireFrame? Assemble(Http2WireFrame frame)
    {
        if (_head is { } head)
        {
            if (frame.Type != Http2FrameType.Continuation || frame.StreamId != head.StreamId)
            {
                throw new InvalidDataException($"{frame} within a header block");
            }

            frame = head with { Flags = head.Flags | frame.Flags, Payload = [.. head.Payload, .. frame.Payload] };
            _head = null;
        }

        if (frame.Type != Http2FrameType.Headers)
        {
            return frame;
        }

        if ((frame.Flags & Http2Flags.EndHeaders) == 0)
        {
            _head = frame;
            return null;
        }

        var sink = new Sink([]);
        var error = _decoder.Decode(frame.Payload, ref sink);
        return error == HpackError.None ? frame with { Fields = [.. sink.Fields] } : throw new InvalidDataException($"header block: {error}");
    }

    private readonly record struct Sink(List<(string, string)> Fields) : IHpackSink
    {
        public bool OnHeader(in HpackField field)
        {
            Fields.Add((Encoding.Latin1.GetString(field.Name), Encoding.Latin1.GetString(field.Value)));
            return true;
        }
    }
}
