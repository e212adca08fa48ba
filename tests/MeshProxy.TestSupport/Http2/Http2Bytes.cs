using System.Buffers.Binary;
using System.Text;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.TestSupport.Http2;

/// <summary>Frames as bytes, right or wrong: nothing is checked. Header blocks are literals without indexing, so that any bytes can stand in them.</summary>
internal static class Http2Bytes
{
    public static readonly (string Name, string Value)[] Get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")];

    public static readonly (string Name, string Value)[] Post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")];

    public static readonly (string Name, string Value)[] Ok = [(":status", "200")];

    public static byte[] Preface => [.. Http2FrameHeader.Preface];

    /// <summary>What a client sends first: the preface and empty SETTINGS.</summary>
    public static byte[] ClientStart => [.. Http2FrameHeader.Preface, .. Settings()];

    public static byte[] Frame(Http2FrameType type, Http2Flags flags, uint streamId, params byte[] payload)
    {
        var bytes = new byte[Http2FrameHeader.Bytes + payload.Length];
        Http2FrameHeader.Write(bytes, payload.Length, type, flags, streamId);
        payload.CopyTo(bytes, Http2FrameHeader.Bytes);
        return bytes;
    }

    public static byte[] Head(uint streamId, (string Name, string Value)[] fields, bool endStream = true) =>
        Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | (endStream ? Http2Flags.EndStream : 0), streamId, Block(fields));

    public static byte[] Head(uint streamId, bool endStream, params (string Name, string Value)[] fields) => Head(streamId, fields, endStream);

    /// <summary>A request to host "a".</summary>
    public static byte[] Request(uint streamId, string method = "GET", string path = "/", bool endStream = true, params (string Name, string Value)[] more) =>
        Head(streamId, [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a"), .. more], endStream);

    public static byte[] Data(uint streamId, byte[] bytes, bool endStream = false) =>
        Frame(Http2FrameType.Data, endStream ? Http2Flags.EndStream : 0, streamId, bytes);

    public static byte[] Data(uint streamId, string text, bool endStream = false) => Data(streamId, Encoding.Latin1.GetBytes(text), endStream);

    public static byte[] Data(uint streamId, int bytes, bool endStream = false) => Data(streamId, new byte[bytes], endStream);

    public static byte[] Settings(params (int Id, uint Value)[] settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return Frame(Http2FrameType.Settings, Http2Flags.None, 0, payload);
    }

    public static byte[] SettingsAck() => Frame(Http2FrameType.Settings, Http2Flags.Ack, 0);

    public static byte[] Ping(ulong payload = 0, bool ack = false)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, payload);
        return Frame(Http2FrameType.Ping, ack ? Http2Flags.Ack : 0, 0, bytes);
    }

    public static byte[] WindowUpdate(uint streamId, uint increment) => Frame(Http2FrameType.WindowUpdate, 0, streamId, Number(increment));

    public static byte[] RstStream(uint streamId, Http2ErrorCode code = Http2ErrorCode.Cancel) => Frame(Http2FrameType.RstStream, 0, streamId, Number((uint)code));

    public static byte[] GoAway(uint lastStreamId, Http2ErrorCode code = Http2ErrorCode.NoError) =>
        Frame(Http2FrameType.GoAway, 0, 0, [.. Number(lastStreamId), .. Number((uint)code)]);

    public static byte[] Priority(uint streamId, uint dependsOn = 0) => Frame(Http2FrameType.Priority, 0, streamId, [.. Number(dependsOn), 16]);

    public static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A header block (RFC 7541 section 6.2.2), its text taken as Latin-1.</summary>
    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in fields)
        {
            bytes.Add(0x00);
            AddString(bytes, name);
            AddString(bytes, value);
        }

        return [.. bytes];
    }

    public static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    public static byte[] Repeat(int count, Func<int, byte[]> part) => Join([.. Enumerable.Range(0, count).Select(part)]);

    private static void AddString(List<byte> bytes, string text)
    {
        const int Prefix = 0x7F;
        var rest = text.Length;
        if (rest < Prefix)
        {
            bytes.Add((byte)rest);
        }
        else
        {
            bytes.Add(Prefix);
            for (rest -= Prefix; rest >= 0x80; rest >>= 7)
            {
                bytes.Add((byte)(0x80 | (rest & 0x7F)));
            }

            bytes.Add((byte)rest);
        }

        bytes.AddRange(Encoding.Latin1.GetBytes(text));
    }
}
