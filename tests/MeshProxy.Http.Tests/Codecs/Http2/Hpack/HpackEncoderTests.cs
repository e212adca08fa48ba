using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

public sealed class HpackEncoderTests
{
    private static readonly FsCheck.Config s_config = FsCheck.Config.QuickThrowOnFailure.WithMaxTest(500).WithReplay(20240131, 1UL);

    [Fact]
    public void Name_InMixedCase_IsSentInLowerCase()
    {
        var h = new HpackHarness();
        var longName = new string('L', 300);
        h.Decode(HpackHarness.Encode(new HpackEncoder(), [new("X-Custom", "V"), new(longName, "W"), new("Content-Type", "text/plain")])).ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new("x-custom", "V"), new(longName.ToLowerInvariant(), "W"), new("content-type", "text/plain")]);
        h.Names[2].ShouldBe("ContentType");
    }

    [Theory]
    [InlineData("authorization")]
    [InlineData("Authorization")]
    [InlineData("proxy-authorization")]
    [InlineData("cookie")]
    public void Secret_IsNeverIndexed_WithOrWithoutItsNumber(string name)
    {
        var encoder = new HpackEncoder();
        var h = new HpackHarness();
        h.Decode(HpackHarness.Encode(encoder, [new(name, "secret")])).ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new(name.ToLowerInvariant(), "secret", NeverIndexed: true)]);
        var room = new byte[100];
        room[..encoder.Write(room, HeaderTable.Find(Encoding.ASCII.GetBytes(name)), default, "secret"u8)].ShouldBe(HpackHarness.Encode(encoder, [new(name, "secret")]));
        encoder.Table.Count.ShouldBe(0);
    }

    // Section 6.2.3
    [Fact]
    public void Header_ThatCameAsNeverIndexed_LeavesSo()
    {
        var encoder = new HpackEncoder();
        var h = new HpackHarness();
        HpackHeader[] headers = [new("x-a", "b"), new("x-a", "b", NeverIndexed: true), new("accept-encoding", "gzip, deflate", NeverIndexed: true)];
        h.Decode(HpackHarness.Encode(encoder, headers)).ShouldBe(HpackError.None);
        h.Headers.ShouldBe(headers);
        h.Table.ShouldBe(["x-a: b"]);
    }

    [Fact]
    public void Value_ThatComesAgain_TakesOneByte()
    {
        var encoder = new HpackEncoder();
        HpackHeader[] headers = [new(":authority", "a.example"), new("user-agent", "curl/8"), new("x-custom", "v"), new("te", "trailers")];
        HpackHarness.Encode(encoder, headers).Length.ShouldBeGreaterThan(headers.Length);
        HpackHarness.Encode(encoder, headers).Length.ShouldBe(headers.Length);
    }

    [Theory]
    [InlineData("x-request-id")]
    [InlineData("x-unknown-id")]
    public void Value_ThatIsAnotherEachTime_IsIndexedOnceForItsName(string name)
    {
        var encoder = new HpackEncoder();
        var h = new HpackHarness();
        for (var i = 0; i < 100; i++)
        {
            h.Decode(HpackHarness.Encode(encoder, [new(name, $"value-{i}")])).ShouldBe(HpackError.None);
            h.Headers.ShouldBe([new(name, $"value-{i}")]);
        }

        h.Table.ShouldBe([$"{name}: value-0"]);
    }

    [Fact]
    public void Value_ThatChangesNowAndThen_IsIndexedAnew()
    {
        var encoder = new HpackEncoder();
        foreach (var value in (string[])["1", "1", "2", "2", "2", "3"])
        {
            HpackHarness.Encode(encoder, [new("date", value)]);
        }

        HpackHarness.TableOf(encoder.Table).ShouldBe(["date: 3", "date: 2", "date: 1"]);
    }

    [Fact]
    public void Path_AndLength_AreNotIndexed()
    {
        var encoder = new HpackEncoder();
        HpackHarness.Encode(encoder, [new(":path", "/a/b"), new("content-length", "17"), new("etag", "\"x\"")]);
        encoder.Table.Count.ShouldBe(0);
        HpackHarness.Encode(encoder, [new(":path", "/"), new(":path", "/index.html")]).ShouldBe([0x84, 0x85]);
    }

    // Section 5.2: whether a string is Huffman-coded is said by the first bit of its length.
    [Theory]
    [InlineData(":path", "04", 1, false)]
    [InlineData(":path", "04", 126, false)]
    [InlineData(":path", "04", 127, false)]
    [InlineData(":path", "04", 128, true)]
    [InlineData("authorization", "1f08", 127, false)]
    [InlineData("authorization", "1f08", 128, true)]
    [InlineData(":authority", "41", 20, true)]
    public void Value_ThatIsNotIndexed_IsCodedOnlyIfItIsLong(string name, string begin, int length, bool coded)
    {
        var value = new string('a', length);
        var block = HpackHarness.Encode(new HpackEncoder(), [new(name, value)]);

        var start = HpackHarness.Hex(begin);
        block[..start.Length].ShouldBe(start);
        ((block[start.Length] & 0x80) != 0).ShouldBe(coded);
        var h = new HpackHarness();
        h.Decode(block).ShouldBe(HpackError.None);
        h.Headers.ShouldHaveSingleItem().Value.ShouldBe(value);
    }

    [Fact]
    public void Status_OfEachKind_Decodes()
    {
        var encoder = new HpackEncoder();
        var h = new HpackHarness();
        var room = new byte[64];
        for (var status = 100; status < 1000; status++)
        {
            h.Decode(room.AsSpan(0, encoder.WriteStatus(room, status))).ShouldBe(HpackError.None);
            h.Headers.ShouldBe([new(":status", $"{status}")]);
        }
    }

    // Section 4.2
    [Fact]
    public void PeerLimit_Lowered_IsSignalledByTheNextBlock()
    {
        var encoder = new HpackEncoder();
        HpackHarness.Encode(encoder, [new("x-a", "b")]);
        encoder.SetPeerTableLimit(100);
        HpackHarness.Encode(encoder, []).ShouldBe([0x3F, 69]);
        HpackHarness.Encode(encoder, []).ShouldBeEmpty();
        HpackHarness.TableOf(encoder.Table).ShouldBe(["x-a: b"]);
    }

    // Section 4.2: the smallest and the last
    [Fact]
    public void PeerLimit_LoweredAndRaised_IsSignalledTwice()
    {
        var encoder = new HpackEncoder();
        HpackHarness.Encode(encoder, [new("x-a", "b")]);
        encoder.SetPeerTableLimit(0);
        encoder.SetPeerTableLimit(10);
        encoder.SetPeerTableLimit(uint.MaxValue);
        HpackHarness.Encode(encoder, []).ShouldBe([0x20, 0x3F, 0xE1, 0x1F]);
        encoder.Table.Count.ShouldBe(0);
        HpackHarness.Encode(encoder, []).ShouldBeEmpty();
    }

    [Fact]
    public void PeerLimit_AboveOurs_ChangesNothing()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerTableLimit(65536);
        HpackHarness.Encode(encoder, []).ShouldBeEmpty();
    }

    [Fact]
    public void OwnLimit_BelowTheProtocolsDefault_IsSignalledByTheFirstBlock()
    {
        HpackHarness.Encode(new HpackEncoder(maxTableBytes: 0), []).ShouldBe([0x20]);
        var larger = new HpackEncoder(maxTableBytes: 8192);
        HpackHarness.Encode(larger, []).ShouldBeEmpty();
        larger.SetPeerTableLimit(16384);
        HpackHarness.Encode(larger, []).ShouldBe([0x3F, 0xE1, 0x3F]);
    }

    [Fact]
    public void TableOfSizeZero_IndexesNothing()
    {
        var encoder = new HpackEncoder(maxTableBytes: 0);
        var h = new HpackHarness();
        HpackHeader[] headers = [new(":method", "GET"), new("x-a", "b"), new("x-a", "b")];
        for (var i = 0; i < 3; i++)
        {
            h.Decode(HpackHarness.Encode(encoder, headers)).ShouldBe(HpackError.None);
            h.Headers.ShouldBe(headers);
        }

        encoder.Table.Count.ShouldBe(0);
    }

    [Fact]
    public void Room_TooSmall_IsRefused() =>
        Should.Throw<ArgumentException>(() => new HpackEncoder().Write(new byte[HpackEncoder.MaxFieldBytes(3, 1) - 1], HeaderId.None, "x-a"u8, "b"u8));

    /// <summary>Blocks of one connection: many headers of few names and values, so that entries are found, dropped and found again.</summary>
    [Fact]
    public void Blocks_OfMadeHeaders_DecodeEqual_WithTablesOfAnySizeThatChange()
    {
        const string NameBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
        var customNames =
            from n in Gen.Choose(1, 30)
            from c in Gen.Elements(NameBytes.ToCharArray()).ArrayOf(n)
            select new string(c);
        var names = Gen.OneOf(
            Gen.Choose(1, HeaderSpellings.All.Length - 1).Select(i => HeaderSpellings.All[i]),
            Gen.Choose(1, HpackStaticTable.Count).Select(i => HpackHarness.Text(HpackStaticTable.At(i).Name)),
            Gen.Elements("x-a", "x-b", "x-c", "x-d", "x-request-id", "user-agent"),
            customNames);
        var longValues =
            from n in Gen.Choose(0, 400)
            from c in Gen.Choose(0x20, 0xFF).ArrayOf(n)
            select new string([.. c.Select(b => (char)b)]);
        var values = Gen.OneOf(Gen.Elements("", "a", "b", "GET", "200", "gzip, deflate"), Gen.Choose(0, 20).Select(i => $"value {i}"), longValues);
        var headers =
            from name in names
            from value in values
            from never in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
            select new HpackHeader(name, value, never);
        var sizes = Gen.OneOf(Gen.Choose(0, 200), Gen.Choose(200, 5000), Gen.Constant(4096));
        var blocks =
            from own in sizes
            from list in (from h in headers.ListOf() from limits in Gen.Frequency((4, Gen.Constant(Array.Empty<int>())), (1, Gen.Choose(0, 3).SelectMany(n => sizes.ArrayOf(n)))) select (h, limits)).ListOf()
            select (own, list);
        Prop.ForAll(blocks.ToArbitrary(), connection =>
        {
            var encoder = new HpackEncoder(connection.own);
            var h = new HpackHarness();
            foreach (var (list, limits) in connection.list)
            {
                foreach (var limit in limits)
                {
                    encoder.SetPeerTableLimit((uint)limit);
                    h.Decoder.SetTableLimit(limit);
                }

                h.Decode(HpackHarness.Encode(encoder, list)).ShouldBe(HpackError.None);
                h.Headers.Select(x => (x.Name, x.Value)).ShouldBe(list.Select(x => (x.Name, x.Value)));
                HpackHarness.TableOf(encoder.Table).ShouldBe(h.Table);
                h.Decoder.Table.MaxBytes.ShouldBe(encoder.Table.MaxBytes);
                foreach (var (sent, got) in list.Zip(h.Headers))
                {
                    (got.NeverIndexed || !sent.NeverIndexed || sent.Name[0] == ':').ShouldBeTrue();
                }
            }
        }).Check(s_config);
    }
}
