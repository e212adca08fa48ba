using MeshProxy.Http.Codecs.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Fuzz;

/// <summary>Frames of a server that has three requests of ours, one of them HEAD and one CONNECT.</summary>
internal sealed class Http2ClientTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
    [
        Http2ServerTarget.Text(Head(1, [.. Ok, ("content-length", "0")])),
        Http2ServerTarget.Text([.. Head(1, [(":status", "103")], endStream: false), .. Head(1, Ok, endStream: false), .. Data(1, "hello", endStream: true)]),
        Http2ServerTarget.Text([.. Head(3, [.. Ok, ("content-length", "9")]), .. Head(1, Ok, endStream: false), .. Data(1, "x"), .. Head(1, [("grpc-status", "0")])]),
        Http2ServerTarget.Text([.. Head(5, Ok, endStream: false), .. Data(5, "raw"), .. RstStream(5), .. RstStream(1, Http2ErrorCode.RefusedStream)]),
        Http2ServerTarget.Text([.. GoAway(1), .. Head(1, Ok), .. Head(3, Ok)]),
        Http2ServerTarget.Text([.. Settings((3, 1), (8, 1), (1, 0)), .. SettingsAck(), .. WindowUpdate(0, 9), .. Ping(), .. Head(1, [(":status", "304")])]),
    ];

    public static IReadOnlyList<string> Tokens => Http2ServerTarget.Tokens;

    public static void Fuzz(ReadOnlySpan<byte> data) => Http2Run.Check(Http2Role.Client, data);
}
