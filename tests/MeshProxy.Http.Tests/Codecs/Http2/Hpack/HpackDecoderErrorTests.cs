using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

/// <summary>Every way for a block to be wrong.</summary>
public sealed class HpackDecoderErrorTests
{
    // Section 6.1: "The index value of 0 is not used."
    [Fact]
    public void IndexedField_WithIndexZero_Fails() => new HpackHarness().Decode("80").ShouldBe(HpackError.IndexZero);

    // Section 2.3.3
    [Theory]
    [InlineData("be")]
    [InlineData("ff00")]
    [InlineData("ffffffff07")]
    public void IndexedField_BeyondTheTable_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.IndexOutOfRange);

    // Section 2.3.3
    [Theory]
    [InlineData("7e0161")]
    [InlineData("0f2f0161")]
    [InlineData("1f2f0161")]
    public void LiteralField_WithNameBeyondTheTable_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.IndexOutOfRange);

    // Section 2.3.3: 62 is the newest entry, 63 is one too far
    [Fact]
    public void IndexedField_OneBehindTheOldestEntry_Fails()
    {
        var h = new HpackHarness();
        h.Decode("4001610162 be").ShouldBe(HpackError.None);
        h.Headers.Count.ShouldBe(2);
        h.Decode("bf").ShouldBe(HpackError.IndexOutOfRange);
    }

    // Section 2.3.2: "duplicate entries MUST NOT be treated as an error by a decoder"
    [Fact]
    public void LiteralField_IndexedTwice_IsTwoEntries()
    {
        var h = new HpackHarness();
        h.Decode("4001610162 4001610162 be bf").ShouldBe(HpackError.None);
        h.Headers.Count.ShouldBe(4);
        h.Headers.ShouldAllBe(header => header == new HpackHeader("a", "b"));
        h.Table.ShouldBe(["a: b", "a: b"]);
    }

    // Section 2.3.3, after section 4.4 has dropped the entry
    [Fact]
    public void IndexedField_OfAnEntryThatWasDropped_Fails()
    {
        var h = new HpackHarness(tableBytes: 68);
        h.Decode("4001610162 4001630164 bf be").ShouldBe(HpackError.None);
        h.Decode("4001650166 bf").ShouldBe(HpackError.None, "c: d");
        h.Headers[^1].ShouldBe(new HpackHeader("c", "d"));
        h.Decode("c0").ShouldBe(HpackError.IndexOutOfRange);
    }

    // Section 4.4: an entry that is larger than the table empties it, and is a header like any other
    [Fact]
    public void LiteralField_LargerThanTheTable_IsNoError_AndLeavesNothingToRefer()
    {
        var h = new HpackHarness(tableBytes: 34);
        h.Decode("4001610162 be").ShouldBe(HpackError.None);
        h.Decode("400161026263").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader("a", "bc")]);
        h.Table.ShouldBeEmpty();
        h.Decode("be").ShouldBe(HpackError.IndexOutOfRange);
    }

    // Section 4.3, by the peer's own update
    [Fact]
    public void IndexedField_OfAnEntryThatASizeUpdateHasDropped_Fails()
    {
        var h = new HpackHarness();
        h.Decode("4001610162 be").ShouldBe(HpackError.None);
        h.Decode("20 be").ShouldBe(HpackError.IndexOutOfRange);
    }

    // Section 5.1
    [Theory]
    [InlineData("ff")]
    [InlineData("ff80")]
    [InlineData("7f")]
    [InlineData("0f")]
    [InlineData("3f")]
    [InlineData("007f")]
    [InlineData("007f80")]
    public void Integer_CutShort_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.TruncatedInteger);

    // Section 5.1: "Integer encodings that exceed implementation limits -- in value or octet length -- MUST be treated as decoding errors."
    [Theory]
    [InlineData("ffffffffff08")]
    [InlineData("ff81ffffff07")]
    [InlineData("ffffffffffffffffff01")]
    [InlineData("ff808080808000")]
    [InlineData("3fffffffff0f")]
    [InlineData("007fffffffffff7f")]
    public void Integer_TooLargeOrTooLong_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.IntegerOverflow);

    [Fact]
    public void Integer_OfThirtyOneBits_IsRead()
    {
        var at = 0;
        HpackInteger.Read(HpackHarness.Hex("ff80ffffff07"), ref at, 0x7F, out var value).ShouldBe(HpackError.None);
        value.ShouldBe(int.MaxValue);
        at.ShouldBe(6);
    }

    // Section 5.2
    [Theory]
    [InlineData("40", "no name")]
    [InlineData("4002 61", "name cut")]
    [InlineData("400161", "no value")]
    [InlineData("40016102 62", "value cut")]
    [InlineData("008261", "Huffman name cut")]
    [InlineData("44", "no value for an indexed name")]
    [InlineData("047fffffff07", "value of gigabytes")]
    public void String_LongerThanTheBlock_Fails(string hex, string why) => new HpackHarness().Decode(hex).ShouldBe(HpackError.TruncatedString, why);

    // Section 5.2: "A Huffman-encoded string literal containing the EOS symbol MUST be treated as a decoding error."
    [Theory]
    [InlineData("0084 ffffffff 00")]
    [InlineData("0086 1fffffffffff 00")]
    [InlineData("048a 00000000 ffffffff ffff")]
    public void HuffmanString_WithEos_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.HuffmanEos);

    // Section 5.2: "A padding strictly longer than 7 bits MUST be treated as a decoding error."
    [Theory]
    [InlineData("0081 ff 00")]
    [InlineData("0082 1fff 00")]
    [InlineData("0083 1fffff 00")]
    [InlineData("0489 0842108421 07 ffffff")]
    public void HuffmanString_WithPaddingLongerThanSevenBits_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.HuffmanPadding);

    // Section 5.2: "A padding not corresponding to the most significant bits of the code for the EOS symbol MUST be treated as a decoding error."
    [Theory]
    [InlineData("0081 18 00")]
    [InlineData("0081 1e 00")]
    [InlineData("0082 1ffe 00")]
    [InlineData("0481 e0")]
    public void HuffmanString_WithPaddingThatIsNotOnes_Fails(string hex) => new HpackHarness().Decode(hex).ShouldBe(HpackError.HuffmanPadding);

    [Fact]
    public void HuffmanString_Empty_IsAnEmptyString()
    {
        var h = new HpackHarness();
        h.Decode("00 0161 80").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader("a", "")]);
    }

    // Section 6.3: "The new maximum size MUST be lower than or equal to the limit determined by the protocol using HPACK."
    [Fact]
    public void TableSizeUpdate_AboveTheSetting_Fails()
    {
        var h = new HpackHarness();
        h.Decode("3fe11f").ShouldBe(HpackError.None, "4096");
        h.Decode("3fe21f").ShouldBe(HpackError.TableSizeAboveSetting, "4097");
    }

    // Section 4.2: it "MUST occur at the beginning of the first header block following the change"
    [Fact]
    public void TableSizeUpdate_BehindAField_Fails()
    {
        var h = new HpackHarness();
        h.Decode("82 20").ShouldBe(HpackError.TableSizeUpdateNotFirst);
        h.Headers.Count.ShouldBe(1);
    }

    // Section 4.2
    [Fact]
    public void TableSizeUpdates_TwoAtTheStart_AreTaken()
    {
        var h = new HpackHarness();
        h.Decode("4001610162").ShouldBe(HpackError.None);
        h.Decode("20 3fe11f 82").ShouldBe(HpackError.None);
        h.Decoder.Table.Count.ShouldBe(0);
        h.Decoder.Table.MaxBytes.ShouldBe(4096);
        h.Headers.Count.ShouldBe(1);
    }

    // Section 4.2
    [Fact]
    public void TableSizeUpdate_MissingAfterTheSettingWasLowered_Fails()
    {
        var h = new HpackHarness();
        h.Decoder.SetTableLimit(100);
        h.Decode("82").ShouldBe(HpackError.TableSizeUpdateMissing);
    }

    // Section 4.2: "the smallest maximum table size that occurs in that interval MUST be signaled"
    [Fact]
    public void TableSizeUpdate_MissingAfterTheSettingWasLoweredAndRaised_Fails()
    {
        var lowered = new HpackHarness();
        lowered.Decoder.SetTableLimit(0);
        lowered.Decoder.SetTableLimit(4096);
        lowered.Decode("3fe11f 82").ShouldBe(HpackError.TableSizeUpdateMissing);

        var signalled = new HpackHarness();
        signalled.Decoder.SetTableLimit(0);
        signalled.Decoder.SetTableLimit(4096);
        signalled.Decode("20 3fe11f 82").ShouldBe(HpackError.None);
        signalled.Decode("82").ShouldBe(HpackError.None);
    }

    // Section 4.2: an encoder that uses less than it may has nothing to say about a limit that it keeps already
    [Fact]
    public void TableSizeUpdate_NotNeededByASmallerTable_MayBeMissing()
    {
        var h = new HpackHarness();
        h.Decode("3f45").ShouldBe(HpackError.None, "100");
        h.Decoder.SetTableLimit(200);
        h.Decode("82").ShouldBe(HpackError.None);
        h.Decoder.SetTableLimit(8192);
        h.Decode("82").ShouldBe(HpackError.None);
    }

    [Fact]
    public void TableLimit_Raised_LetsThePeerRaiseTheTable()
    {
        var h = new HpackHarness();
        h.Decoder.SetTableLimit(8192);
        h.Decode("3fe13f").ShouldBe(HpackError.None);
        h.Decoder.Table.MaxBytes.ShouldBe(8192);
    }

    // Section 7.3: 32 bytes and more for each byte of the block
    [Fact]
    public void HeaderList_BeyondTheHardLimit_Fails()
    {
        var h = new HpackHarness(maxListBytes: 10_000);
        var value = new string('x', 4000);
        h.Decode(Convert.ToHexString(HpackHarness.Bytes($"\u0040\u0001a\u007f\u00a1\u001e{value}\u00be"))).ShouldBe(HpackError.None);
        h.Decoder.ListBytes.ShouldBe(2 * 4033);
        h.Decode("bebebe").ShouldBe(HpackError.HeaderListTooLarge);
        h.Headers.Count.ShouldBe(2);
    }

    [Fact]
    public void HeaderList_BeyondTheHardLimit_FailsAlsoIfTheSinkWantsNoMore()
    {
        var h = new HpackHarness(maxListBytes: 1000) { Wanted = 1 };
        h.Decode(string.Concat(Enumerable.Repeat("82", 23))).ShouldBe(HpackError.None);
        h.Headers.Count.ShouldBe(1);
        h.Decode(string.Concat(Enumerable.Repeat("82", 24))).ShouldBe(HpackError.HeaderListTooLarge);
    }

    [Fact]
    public void Sink_ThatWantsNoMore_LeavesTheTableInStep()
    {
        var h = new HpackHarness { Wanted = 1 };
        h.Decode("82 4001610162 4001630164").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader(":method", "GET")]);
        h.Wanted = int.MaxValue;
        h.Decode("be bf").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader("c", "d"), new HpackHeader("a", "b")]);
    }

    // Section 7.1.3: an intermediary must see which header may not be indexed
    [Fact]
    public void NeverIndexed_OfIndexedAndNewNames_IsReported()
    {
        var h = new HpackHarness();
        h.Decode("1f080178 1001610162 0001610162").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader("authorization", "x", true), new HpackHeader("a", "b", true), new HpackHeader("a", "b")]);
        h.Names.ShouldBe(["Authorization", "None", "None"]);
        h.Decoder.Table.Count.ShouldBe(0);
    }

    // The header table's look-up folds case and control characters; a name that is not the name itself has no number.
    [Theory]
    [InlineData("content-type", "ContentType")]
    [InlineData("Content-Type", "None")]
    [InlineData("content\rtype", "None")]
    [InlineData(":path", "Path")]
    [InlineData(":protocol", "Protocol")]
    [InlineData(":Path", "None")]
    [InlineData(":none", "None")]
    [InlineData("from", "None")]
    [InlineData("", "None")]
    [InlineData(":", "None")]
    public void LiteralName_IsNumberedOnlyIfExact(string name, string number)
    {
        var h = new HpackHarness();
        h.Decode(Convert.ToHexString(HpackHarness.Bytes($"\u0040{(char)name.Length}{name}\u0001v\u00be"))).ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader(name, "v"), new HpackHeader(name, "v")]);
        h.Names.ShouldBe([number, number]);
    }

    [Fact]
    public void Block_CutAnywhere_FailsOrDecodesLess()
    {
        var block = HpackHarness.Hex("20 3f45 82 400161 0162 048c f1e3c2e5f23a6ba0ab90f4ff 1f08 0178 be");
        for (var length = 0; length < block.Length; length++)
        {
            var h = new HpackHarness();
            h.Decode(block.AsSpan(0, length)).ShouldBeOneOf(HpackError.None, HpackError.TruncatedInteger, HpackError.TruncatedString);
            h.Headers.Count.ShouldBeLessThan(5);
        }

        new HpackHarness().Decode(block).ShouldBe(HpackError.None);
    }
}
