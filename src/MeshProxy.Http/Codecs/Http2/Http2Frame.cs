using System.Buffers.Binary;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>RFC 9113 section 6. Others are ignored.</summary>
internal enum Http2FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

[Flags]
internal enum Http2Flags : byte
{
    None = 0,
    EndStream = 0x1,

    /// <summary>SETTINGS and PING: the same bit as END_STREAM.</summary>
    Ack = 0x1,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>RFC 9113 section 6.5.2 and RFC 8441.</summary>
internal enum Http2Setting : ushort
{
    HeaderTableSize = 1,
    EnablePush = 2,
    MaxConcurrentStreams = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
    MaxHeaderListSize = 6,
    EnableConnectProtocol = 8,
}

/// <summary>A frame's nine bytes in front (RFC 9113 section 4.1), and the protocol's constants.</summary>
internal readonly struct Http2FrameHeader
{
    public const int Bytes = 9;
    public const int DefaultMaxFrameBytes = 16 * 1024;
    public const int LargestMaxFrameBytes = (1 << 24) - 1;
    public const int DefaultWindow = 65_535;
    public const int MaxWindow = int.MaxValue;
    public const uint MaxStreamId = int.MaxValue;

    private Http2FrameHeader(int length, Http2FrameType type, Http2Flags flags, uint streamId)
    {
        Length = length;
        Type = type;
        Flags = flags;
        StreamId = streamId;
    }

    /// <summary>The client's first bytes (section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public int Length { get; }

    public Http2FrameType Type { get; }

    public Http2Flags Flags { get; }

    public uint StreamId { get; }

    public bool EndStream => (Flags & Http2Flags.EndStream) != 0;

    /// <summary>The reserved bit is ignored.</summary>
    public static Http2FrameHeader Read(ReadOnlySpan<byte> bytes)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var id = BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) & MaxStreamId;
        return new Http2FrameHeader((int)(first >> 8), (Http2FrameType)(byte)first, (Http2Flags)bytes[4], id);
    }

    public static void Write(Span<byte> room, int length, Http2FrameType type, Http2Flags flags, uint streamId)
    {
        BinaryPrimitives.WriteUInt32BigEndian(room, ((uint)length << 8) | (byte)type);
        room[4] = (byte)flags;
        BinaryPrimitives.WriteUInt32BigEndian(room[5..], streamId);
    }
}
