using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

public sealed class HpackAllocationTests
{
    /// <summary>Also with values that are new each time and drop old ones, and strings too long for the stack.</summary>
    [Fact]
    public void EncodingAndDecoding_InSteadyState_AllocateNothing()
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder();
        var room = new byte[8192];
        var longValue = new byte[3000];
        longValue.AsSpan().Fill((byte)'a');
        var id = new byte[16];
        var number = 0;
        var failures = 0;
        var sink = default(CountingSink);

        long Exchange(int count)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < count; i++)
            {
                number++;
                number.TryFormat(id, out var length);
                var at = encoder.BeginBlock(room);
                at += encoder.WriteStatus(room.AsSpan(at), 200 + (number % 10));
                at += encoder.Write(room.AsSpan(at), HeaderId.ContentType, default, "text/plain"u8);
                at += encoder.Write(room.AsSpan(at), HeaderId.XRequestId, default, id.AsSpan(0, length));
                at += encoder.Write(room.AsSpan(at), HeaderId.Date, default, id.AsSpan(0, Math.Max(1, length - 1)));
                at += encoder.Write(room.AsSpan(at), HeaderId.None, "X-Custom"u8, "v"u8);
                at += encoder.Write(room.AsSpan(at), HeaderId.SetCookie, default, longValue);
                failures += decoder.Decode(room.AsSpan(0, at), ref sink) == HpackError.None ? 0 : 1;
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Exchange(2000);
        Exchange(2000).ShouldBeLessThan(2000, "bytes for 2000 blocks");
        failures.ShouldBe(0);
        sink.Count.ShouldBe(4000 * 6);
        (encoder.Table.NextNumber > encoder.Table.Count + 100).ShouldBeTrue("entries were dropped meanwhile");
    }

    private struct CountingSink : IHpackSink
    {
        public int Count;

        public bool OnHeader(in HpackField field)
        {
            Count++;
            return true;
        }
    }
}
