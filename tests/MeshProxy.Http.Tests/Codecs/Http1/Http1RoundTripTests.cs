using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http1;

/// <summary>What is written is what is read back, for heads and bodies made at random.</summary>
public sealed class Http1RoundTripTests
{
    private static readonly FsCheck.Config s_config = FsCheck.Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20240131, 1UL);

    private static readonly Gen<string> s_name =
        from n in Gen.Choose(1, 24)
        from c in Gen.Elements("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".ToCharArray()).ArrayOf(n)
        select "x-" + new string(c);

    private static readonly Gen<string> s_value =
        from n in Gen.Choose(0, 60)
        from c in Gen.Choose(0x21, 0xFF).Where(b => b != 0x7F).ArrayOf(n)
        select new string([.. c.Select(b => (char)b)]);

    private static readonly Gen<(string Name, string Value)[]> s_fields =
        from n in Gen.Choose(0, 30)
        from fields in (from name in s_name from value in s_value select (name, value)).ArrayOf(n)
        select fields;

    private static readonly Gen<string> s_path =
        from n in Gen.Choose(0, 80)
        from c in Gen.Choose(0x21, 0x7E).Where(b => b != '#').ArrayOf(n)
        select "/" + new string([.. c.Select(b => (char)b)]);

    [Fact]
    public void RequestHead_Written_ReadsBackEqual()
    {
        var heads =
            from method in Gen.Elements("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")
            from path in s_path
            from fields in s_fields
            select (method, path, fields);
        Prop.ForAll(heads.ToArbitrary(), head =>
        {
            var pool = new SlabPool();
            var written = new RequestHeaders(pool);
            written.SetMethod(head.method);
            written.SetPath(Encoding.Latin1.GetBytes(head.path));
            written.SetAuthority("a");
            Add(written, head.fields);
            var wire = new IoBuffer(pool);
            Http1Encoder.EncodeRequestHead(wire, written, BodyFraming.None);
            var read = new RequestHeaders(pool);
            new Http1RequestDecoder(new()).DecodeHead(wire, read).ShouldBe(DecodeStatus.Complete);
            wire.IsEmpty.ShouldBeTrue();
            Http1Harness.Latin(read.Path).ShouldBe(head.path);
            Http1Harness.Latin(read.Method).ShouldBe(head.method);
            Http1Harness.Dump(read).ShouldBe(Http1Harness.Dump(written));
        }).Check(s_config);
    }

    [Fact]
    public void ResponseHead_Written_ReadsBackEqual()
    {
        var heads =
            from status in Gen.Choose(200, 999).Where(s => s is not (204 or 304))
            from length in Gen.Choose(1, int.MaxValue)
            from fields in s_fields
            select (status, length, fields);
        Prop.ForAll(heads.ToArbitrary(), head =>
        {
            var pool = new SlabPool();
            var written = new ResponseHeaders(pool) { Status = head.status };
            Add(written, head.fields);
            var wire = new IoBuffer(pool);
            Http1Encoder.EncodeResponseHead(wire, written, BodyFraming.ContentLength, head.length);
            var read = new ResponseHeaders(pool);
            var decoder = new Http1ResponseDecoder(new());
            decoder.DecodeHead(wire, read, Http1ResponseTo.None).ShouldBe(DecodeStatus.Complete);
            read.Status.ShouldBe(head.status);
            decoder.ContentLength.ShouldBe(head.length);
            Http1Harness.Dump(read).ShouldBe($"{Http1Harness.Dump(written)}content-length: {head.length}|");
        }).Check(s_config);
    }

    [Fact]
    public void ChunkedBody_AnyChunksAnySplits_ReadsBackEqual()
    {
        var bodies =
            from chunks in Gen.Choose(0, 2000).SelectMany(n => Gen.Choose(0, 255).ArrayOf(n)).ArrayOf(5)
            from trailers in s_fields
            from cuts in Gen.Choose(1, 700).ArrayOf(40)
            select (chunks, trailers, cuts);
        Prop.ForAll(bodies.ToArbitrary(), made =>
        {
            var pool = new SlabPool();
            var wire = new IoBuffer(pool);
            wire.Append("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"u8);
            foreach (var chunk in made.chunks)
            {
                var data = new IoBuffer(pool);
                data.Append(chunk.Select(b => (byte)b).ToArray());
                Http1Encoder.EncodeChunk(wire, data);
            }

            var written = new HeaderTrailers(pool);
            Add(written, made.trailers);
            Http1Encoder.EncodeLastChunk(wire, written);
            wire.Append("NEXT"u8);

            var (body, trailers, rest) = Read(wire, made.cuts);
            body.ShouldBe(string.Concat(made.chunks.Select(c => new string([.. c.Select(b => (char)b)]))));
            trailers.ShouldBe(Http1Harness.Dump(written));
            rest.ShouldBe("NEXT");
        }).Check(s_config);
    }

    private static (string Body, string Trailers, string Surplus) Read(IoBuffer wire, int[] cuts)
    {
        var pool = wire.Pool;
        var input = new IoBuffer(pool);
        var output = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var trailers = new HeaderTrailers(pool);
        var decoder = new Http1RequestDecoder(new() { Protocol = new() { EnableTrailers = true } });
        var headDone = false;
        var status = DecodeStatus.NeedMore;
        for (var i = 0; !wire.IsEmpty; i++)
        {
            input.MoveFrom(wire, Math.Min(wire.Length, cuts[i % cuts.Length]));
            if (!headDone)
            {
                headDone = decoder.DecodeHead(input, headers) == DecodeStatus.Complete;
            }

            if (headDone && status == DecodeStatus.NeedMore)
            {
                status = decoder.DecodeBody(input, output, trailers);
            }
        }

        status.ShouldBe(DecodeStatus.Complete);
        return (Http1Harness.Latin(output.ToArray()), Http1Harness.Dump(trailers), Http1Harness.Latin(input.ToArray()));
    }

    private static void Add(HeaderMap map, (string Name, string Value)[] fields)
    {
        foreach (var (name, value) in fields)
        {
            map.Add(name, Encoding.Latin1.GetBytes(value));
        }
    }
}
