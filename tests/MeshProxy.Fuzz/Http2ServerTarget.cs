using System.Text;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Fuzz;

/// <summary>Frames of a client, behind its preface: however they are split they come to the same, memory is bounded, and nothing is left.</summary>
internal sealed class Http2ServerTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
    [
        Text(Head(1, Get)),
        Text([.. Head(1, [.. Post, ("content-length", "5"), ("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")], endStream: false), .. Data(1, "hello", endStream: true)]),
        Text([.. Head(1, Post, endStream: false), .. Data(1, "hello"), .. Head(1, [("x-t", "1")])]),
        Text([.. Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block(Get)), .. Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, Block(("a", "b")))]),
        Text([.. Head(1, [(":method", "CONNECT"), (":authority", "a:1")], endStream: false), .. Data(1, "raw"), .. RstStream(1), .. Data(1, "late")]),
        Text([.. Head(1, [(":method", "CONNECT"), (":protocol", "x"), (":scheme", "http"), (":path", "/"), (":authority", "a")], endStream: false)]),
        Text([.. Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded | Http2Flags.Priority, 1, [2, 0, 0, 0, 0, 9, .. Block(Post), 0, 0])]),
        Text([.. Head(1, Get), .. Head(3, Get), .. Head(5, Get), .. WindowUpdate(0, 100), .. WindowUpdate(1, 100), .. Settings((4, 1), (1, 0), (5, 20_000)), .. SettingsAck()]),
        Text([.. Ping(1), .. Ping(1, ack: true), .. Priority(1), .. GoAway(0), .. Frame((Http2FrameType)0x42, 0, 0, 1, 2)]),
        Text(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [0x82, 0x86, 0x84, 0x41, 1, (byte)'a', 0x40, 1, (byte)'x', 1, (byte)'y', 0xBE])),
        Text([.. Frame(Http2FrameType.Data, Http2Flags.Padded, 1, [2, 1, 0, 0]), .. Frame(Http2FrameType.PushPromise, 0, 1, [0, 0, 0, 2])]),
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        Text(Head(7, Get)), Text(Data(1, "x")), Text(Data(1, "")), Text(Data(1, "x", endStream: true)), Text(RstStream(1)), Text(WindowUpdate(0, 1)), Text(WindowUpdate(1, 0x7FFFFFFF)),
        Text(Settings((4, 0))), Text(Settings((4, 0x7FFFFFFF))), Text(SettingsAck()), Text(Ping()), Text(Priority(3)), Text(GoAway(3)), Text(Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1)),
        Text(Frame(Http2FrameType.Headers, 0, 9, Block(Get))), Text(Block(("connection", "close"))), Text(Block(("Upper", "x"))), Text(Block((":path", "/"))), Text(Block(("content-length", "1"))), "\0\0\0", "\x00\x00\x01", "\xff\xff\xff",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data) => Http2Run.Check(Http2Role.Server, data);

    internal static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);
}
