using FsCheck;
using FsCheck.Fluent;
using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

public sealed class HuffmanTests
{
    private static readonly FsCheck.Config s_config = FsCheck.Config.QuickThrowOnFailure.WithMaxTest(1000).WithReplay(20240131, 1UL);

    // RFC 7541 appendix B: the codes that the table's rule does not give by itself are those at the ends of the lengths
    [Theory]
    [InlineData('0', 0x0, 5)]
    [InlineData('t', 0x9, 5)]
    [InlineData(' ', 0x14, 6)]
    [InlineData('u', 0x2d, 6)]
    [InlineData(':', 0x5c, 7)]
    [InlineData('z', 0x7b, 7)]
    [InlineData('&', 0xf8, 8)]
    [InlineData('Z', 0xfd, 8)]
    [InlineData('!', 0x3f8, 10)]
    [InlineData('+', 0x7fb, 11)]
    [InlineData('#', 0xffa, 12)]
    [InlineData('~', 0x1ffd, 13)]
    [InlineData('}', 0x3ffd, 14)]
    [InlineData('{', 0x7ffe, 15)]
    [InlineData(92, 0x7fff0, 19)]
    [InlineData(128, 0xfffe6, 20)]
    [InlineData(9, 0xffffea, 24)]
    [InlineData(192, 0x3ffffe0, 26)]
    [InlineData(249, 0xffffffe, 28)]
    [InlineData(10, 0x3ffffffc, 30)]
    [InlineData(22, 0x3ffffffe, 30)]
    public unsafe void Code_OfASymbol_IsTheSpecifications(int symbol, int code, int bits)
    {
        ((byte)HuffmanTable.Codes[symbol]).ShouldBe((byte)bits);
        (HuffmanTable.Codes[symbol] >> 8).ShouldBe((ulong)code);
    }

    [Fact]
    public void EveryPairOfBytes_Encoded_DecodesToItself()
    {
        for (var first = 0; first < 256; first++)
        {
            for (var second = 0; second < 256; second++)
            {
                RoundTrip([(byte)first, (byte)second]);
            }
        }
    }

    [Fact]
    public void Strings_OfAnyBytes_DecodeToThemselves()
    {
        var strings =
            from n in Gen.Choose(0, 300)
            from top in Gen.Elements(127, 255)
            from bytes in Gen.Choose(0, top).Select(b => (byte)b).ArrayOf(n)
            select bytes;
        Prop.ForAll(strings.ToArbitrary(), RoundTrip).Check(s_config);
    }

    [Fact]
    public void AnyBytes_Decoded_StayWithinTheRoomAndEncodeToThemselves()
    {
        var blocks =
            from n in Gen.Choose(0, 60)
            from bytes in Gen.OneOf(Gen.Choose(0, 255), Gen.Choose(0xF8, 0xFF), Gen.Constant(0)).Select(b => (byte)b).ArrayOf(n)
            select bytes;
        Prop.ForAll(blocks.ToArbitrary(), bytes =>
        {
            var room = new byte[HuffmanDecoder.MaxDecodedBytes(bytes.Length)];
            if (HuffmanDecoder.Decode(bytes, room, out var written) == HpackError.None)
            {
                Encode(room[..written]).ShouldBe(bytes);
            }
        }).Check(s_config);
    }

    [Theory]
    [InlineData("a", 1, false)]
    [InlineData("aaaa", 3, true)]
    [InlineData("www.example.com", 12, true)]
    [InlineData("{}{}", 8, false)]
    [InlineData("", 0, false)]
    public void Encoding_IsUsedOnlyIfShorter(string text, int bytes, bool used)
    {
        var source = HpackHarness.Bytes(text);
        HuffmanEncoder.EncodedBytes(source).ShouldBe(bytes);
        HuffmanEncoder.TryEncodeShorter(source, new byte[source.Length], out _).ShouldBe(used);
    }

    private static void RoundTrip(byte[] bytes)
    {
        var encoded = Encode(bytes);
        encoded.Length.ShouldBe(HuffmanEncoder.EncodedBytes(bytes));
        var room = new byte[HuffmanDecoder.MaxDecodedBytes(encoded.Length)];
        HuffmanDecoder.Decode(encoded, room, out var written).ShouldBe(HpackError.None);
        room.AsSpan(0, written).SequenceEqual(bytes).ShouldBeTrue();

        var shorter = new byte[bytes.Length];
        if (HuffmanEncoder.TryEncodeShorter(bytes, shorter, out var length))
        {
            shorter.AsSpan(0, length).SequenceEqual(encoded).ShouldBeTrue();
        }
        else
        {
            encoded.Length.ShouldBeGreaterThanOrEqualTo(bytes.Length);
        }
    }

    /// <summary>Bit by bit, for comparison.</summary>
    private static unsafe byte[] Encode(byte[] bytes)
    {
        var bits = new List<bool>();
        foreach (var b in bytes)
        {
            var code = HuffmanTable.Codes[b];
            for (var i = (int)(byte)code - 1; i >= 0; i--)
            {
                bits.Add(((code >> 8) >> i & 1) != 0);
            }
        }

        while (bits.Count % 8 != 0)
        {
            bits.Add(true);
        }

        var encoded = new byte[bits.Count / 8];
        for (var i = 0; i < bits.Count; i++)
        {
            encoded[i / 8] |= (byte)(bits[i] ? 0x80 >> (i % 8) : 0);
        }

        return encoded;
    }
}
