using System.Text;
using MeshProxy.Core.ListenerFilters.HttpInspector;

namespace MeshProxy.Core.Tests.ListenerFilters.HttpInspector;

public sealed class HttpStartTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", "Http11")]
    [InlineData("GET / HTTP/1.1\nHost", "Http11")]
    [InlineData("\r\n\r\nPROPFIND /x?y=z%20 HTTP/1.1\r\n", "Http11")]
    [InlineData("OPTIONS * HTTP/1.0\r\n", "Http10")]
    [InlineData("CONNECT a:443 HTTP/1.1\r\n", "Http11")]
    [InlineData("PRINT / HTTP/1.1\r\n", "Http11")] // begins as the preface does
    [InlineData("PRI * HTTP/1.1\r\n", "Http11")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "Http2")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "NeedMore")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSX", "NotHttp")]
    [InlineData("GET / HTTP/2.0\r\n", "NotHttp")]
    [InlineData("GET / HTTP/1.2\r\n", "NotHttp")]
    [InlineData("GET / http/1.1\r\n", "NotHttp")]
    [InlineData("GET /\r\n", "NotHttp")] // HTTP/0.9
    [InlineData("GET  HTTP/1.1\r\n", "NotHttp")]
    [InlineData("GET HTTP/1.1\r\n", "NotHttp")]
    [InlineData("GET /HTTP/1.1\r\n", "NotHttp")]
    [InlineData("GET /\u0001 HTTP/1.1\r\n", "NotHttp")]
    [InlineData(" / HTTP/1.1\r\n", "NotHttp")]
    [InlineData("GE(T / HTTP/1.1\r\n", "NotHttp")]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n", "NotHttp")]
    [InlineData("\u0016\u0003\u0001", "NotHttp")]
    [InlineData("GET / HTTP/1.1", "NeedMore")]
    [InlineData("A123456789012345678901234567890123456789", "NotHttp")]
    public void FirstBytes_WholeOrInPieces_SayWhatItIs(string text, string expected)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var whole = default(HttpStart);
        whole.Append(bytes).ToString().ShouldBe(expected);

        var pieces = default(HttpStart);
        foreach (var value in bytes)
        {
            pieces.Append([value]);
        }

        pieces.Status.ShouldBe(whole.Status);
        pieces.BytesSeen.ShouldBe(whole.BytesSeen);
    }

    [Fact]
    public void LineWithoutEnd_IsNotHttpAtTheLimit()
    {
        var start = default(HttpStart);
        start.Append("GET /"u8);
        var long_ = new byte[HttpStart.MaxBytes].AsSpan();
        long_.Fill((byte)'a');
        start.Append(long_[6..]).ShouldBe(HttpStartStatus.NeedMore);
        start.Append(long_).ShouldBe(HttpStartStatus.NotHttp);
        start.BytesSeen.ShouldBe(HttpStart.MaxBytes);
    }
}
