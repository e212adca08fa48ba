using System.Text;

namespace MeshProxy.Fuzz;

/// <summary>A chunked body, however split, comes to the same data, trailers and end, or the same error.</summary>
internal sealed class Http1ChunkedBodyTarget : IFuzzTarget
{
    private static readonly byte[] s_head = Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

    public static IReadOnlyList<string> Seeds { get; } =
    [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\nrest",
        "a;x=y\r\n0123456789\r\n1 ; q=\"a\\\"b\"\r\nz\r\n000\r\nX-Sum: 1\r\nHost: x\r\n\r\n",
        "FFFFFFF\r\nshort",
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        "\r\n", "\n", "\r", "0", "0\r\n", "0\r\n\r\n", "1\r\nx\r\n", ";", ";a", ";a=b", ";a=\"", "\"", "\\", "=", " ", "\t", "+", "-", "0x", "ffffffffffffffff", "FFFFFFFFFFFFFFF", "X: y\r\n", "\0",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        var whole = Http1Run.Request([s_head, data.ToArray()]);
        Http1Run.Request([s_head, .. Http1Run.Split(data)]).ShouldBe(whole);
        Http1Run.Request([s_head, .. data.ToArray().Select(b => new[] { b })]).ShouldBe(whole);
        if (whole.End.StartsWith("Complete", StringComparison.Ordinal))
        {
            // What it yields is never more than what came in.
            whole.Body.Length.ShouldBeLessThan(data.Length);
        }
    }
}
