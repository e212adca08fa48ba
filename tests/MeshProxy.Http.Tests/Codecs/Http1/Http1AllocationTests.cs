using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http1;

public sealed class Http1AllocationTests
{
    [Fact]
    public void RequestAndResponse_InSteadyState_AllocateNothing()
    {
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var body = new IoBuffer(pool);
        var output = new IoBuffer(pool);
        var request = new RequestHeaders(pool);
        var response = new ResponseHeaders(pool);
        var requests = new Http1RequestDecoder(new());
        var responses = new Http1ResponseDecoder(new());

        long Exchange(int count)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < count; i++)
            {
                input.Append("POST http://h/x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\nX-A: b\r\nTE: trailers, gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"u8);
                requests.DecodeHead(input, request);
                requests.DecodeBody(input, body, null);
                request.Set(HeaderNames.XRequestId, "1234"u8);
                request.AppendValue(HeaderNames.XForwardedFor, "1.2.3.4"u8);
                Http1Encoder.EncodeRequestHead(output, request, requests.Framing);
                Http1Encoder.EncodeChunk(output, body);
                Http1Encoder.EncodeLastChunk(output);
                input.Append("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: x\r\n\r\nabc"u8);
                responses.DecodeHead(input, response, Http1ResponseTo.None);
                responses.DecodeBody(input, body, null);
                response.Set(HeaderNames.Server, "envoy");
                response.Remove(HeaderNames.Via);
                Http1Encoder.EncodeResponseHead(output, response, responses.Framing, responses.ContentLength);
                output.MoveFrom(body);
                output.Clear();
                request.Clear();
                response.Clear();
                requests.Reset();
                responses.Reset();
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Exchange(50);
        Exchange(1000).ShouldBeLessThan(1000, "bytes for 1000 exchanges");
        pool.SlabsInUse.ShouldBe(0);
    }
}
