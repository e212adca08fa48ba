using System.Text;
using MeshProxy.Core.ListenerFilters.HttpInspector;

namespace MeshProxy.Fuzz;

/// <summary>What http_inspector says of a connection's first bytes is the same however they are split, and is never taken back.</summary>
internal sealed class HttpStartTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
        ["GET / HTTP/1.1\r\n", "\r\nPOST /a?b HTTP/1.0\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSH-2.0-x\r\n", "PRI * HTTP/1.1\r\n"];

    public static IReadOnlyList<string> Tokens { get; } = [" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "\r\n", " ", "PRI *", "SM", "/"];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        var whole = default(HttpStart);
        whole.Append(data);
        var pieces = default(HttpStart);
        foreach (var value in data)
        {
            var before = pieces.Status;
            pieces.Append([value]);
            if (before != HttpStartStatus.NeedMore)
            {
                pieces.Status.ShouldBe(before);
            }
        }

        pieces.Status.ShouldBe(whole.Status);
        pieces.BytesSeen.ShouldBe(whole.BytesSeen);
        if (whole.Status is HttpStartStatus.Http11)
        {
            Encoding.Latin1.GetString(data[..whole.BytesSeen]).ShouldContain(" HTTP/1.1");
        }
    }
}
