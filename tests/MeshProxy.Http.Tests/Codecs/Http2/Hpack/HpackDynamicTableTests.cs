using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

public sealed class HpackDynamicTableTests
{
    [Fact]
    public void Table_Unused_HoldsNoMemory()
    {
        new HpackDynamicTable(4096).AllocatedBytes.ShouldBe(0);
        var encoder = new HpackEncoder();
        (encoder.Table.AllocatedBytes + encoder.Index.AllocatedBytes).ShouldBe(0);
    }

    // Section 4.4
    [Fact]
    public void Insert_BeyondTheSize_DropsTheOldest()
    {
        var table = new HpackDynamicTable(100);
        Insert(table, "a", "1");
        Insert(table, "b", "2");
        HpackHarness.TableOf(table).ShouldBe(["b: 2", "a: 1"]);
        Insert(table, "c", "333");
        HpackHarness.TableOf(table).ShouldBe(["c: 333", "b: 2"]);
        table.Bytes.ShouldBe(70);
    }

    // Section 4.4: "It is not an error to attempt to add an entry that is larger than the maximum size"
    [Fact]
    public void Insert_LargerThanTheTable_EmptiesIt()
    {
        var table = new HpackDynamicTable(64);
        Insert(table, "a", "1");
        Insert(table, "b", new string('x', 32)).ShouldBeFalse();
        table.Count.ShouldBe(0);
        table.Bytes.ShouldBe(0);
        Insert(table, "b", new string('x', 31)).ShouldBeTrue();
        table.Count.ShouldBe(1);
    }

    // Section 4.3
    [Fact]
    public void Resize_ToLess_DropsTheOldestAndGivesMemoryBack()
    {
        var table = new HpackDynamicTable(4096);
        for (var i = 0; i < 100; i++)
        {
            Insert(table, $"n{i}", new string('x', 20));
        }

        table.Resize(110);
        HpackHarness.TableOf(table).ShouldBe(["n99: " + new string('x', 20), "n98: " + new string('x', 20)]);
        table.Resize(0);
        table.Count.ShouldBe(0);
        table.AllocatedBytes.ShouldBe(0);
        Insert(table, "", "").ShouldBeFalse();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(4096)]
    [InlineData(65535)]
    public void Insertions_OfManyLengths_HoldWhatASimpleListHolds(int maxBytes)
    {
        var random = new Random(maxBytes);
        var table = new HpackDynamicTable(maxBytes);
        var list = new List<string>();
        var bytes = 0;
        for (var i = 0; i < 5000; i++)
        {
            if (random.Next(200) == 0)
            {
                table.Resize(random.Next(maxBytes + 1));
            }

            var name = new string((char)random.Next(256), random.Next(20));
            var value = new string((char)random.Next(256), random.Next(random.Next(8) == 0 ? 1 + (maxBytes / 2) : 40));
            Insert(table, name, value);
            list.Insert(0, $"{name}: {value}");
            bytes += list[0].Length - 2 + 32;
            while (bytes > table.MaxBytes)
            {
                bytes -= list[^1].Length - 2 + 32;
                list.RemoveAt(list.Count - 1);
            }

            table.Bytes.ShouldBe(bytes);
            table.Count.ShouldBe(list.Count);
            if (i % 100 == 0)
            {
                HpackHarness.TableOf(table).ShouldBe(list);
            }
        }

        // The names' and values' own room is never larger than the table.
        table.AllocatedBytes.ShouldBeLessThanOrEqualTo(maxBytes + (table.Capacity * 8));
    }

    [Fact]
    public void Trim_GivesBackWhatNoEntryUses_AndKeepsTheEntries()
    {
        var table = new HpackDynamicTable(4096);
        for (var i = 0; i < 70; i++)
        {
            Insert(table, $"n{i}", new string('x', 20));
        }

        var before = HpackHarness.TableOf(table);
        var allocated = table.AllocatedBytes;
        table.Trim();
        table.AllocatedBytes.ShouldBeLessThan(allocated);
        HpackHarness.TableOf(table).ShouldBe(before);
        Insert(table, "more", "x");
        HpackHarness.TableOf(table).ShouldBe(["more: x", .. before]);

        var empty = new HpackDynamicTable(64);
        empty.Trim();
        Insert(empty, "a", "b");
        Insert(empty, "a", new string('b', 100));
        empty.Trim();
        Insert(empty, "a", "c").ShouldBeTrue();
        HpackHarness.TableOf(empty).ShouldBe(["a: c"]);
    }

    [Fact]
    public void Size_BeyondSixtyFourKilobytes_IsRefused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => new HpackDecoder().SetTableLimit(65536));
        Should.Throw<ArgumentOutOfRangeException>(() => new HpackEncoder(65536));
        var encoder = new HpackEncoder(65535);
        encoder.SetPeerTableLimit(uint.MaxValue);
        HpackHarness.Encode(encoder, []).ShouldBe([0x3F, 0xE0, 0xFF, 0x03]);
    }

    // Section 4.4: "a new entry can reference the name of an entry in the dynamic table that will be evicted"
    [Fact]
    public void LiteralWithIndexing_WhoseNameIsDroppedForIt_KeepsTheName()
    {
        var h = new HpackHarness(tableBytes: 64);
        h.Decode("40 06 6c6f6e676572 06 76616c756531").ShouldBe(HpackError.None);
        h.Decode("7e 08 7468656f74686572").ShouldBe(HpackError.None);
        h.Headers.ShouldBe([new HpackHeader("longer", "theother")]);
        h.Table.ShouldBe(["longer: theother"]);
        h.Decode("7e 02 6f6b").ShouldBe(HpackError.None);
        h.Table.ShouldBe(["longer: ok"]);
    }

    // Likewise, where the entry that stays moves onto the bytes of the one that goes
    [Fact]
    public void LiteralWithIndexing_WhoseNameIsOverwrittenMeanwhile_KeepsTheName()
    {
        var h = new HpackHarness(tableBytes: 256);
        h.Decode(HpackHarness.Bytes($"\u0040\u0006longer\u005e{new string('x', 94)}\u0040\u0001b\u0013{new string('y', 19)}")).ShouldBe(HpackError.None);
        h.Decode(HpackHarness.Bytes($"\u007f\u0000\u007f\u0011{new string('z', 144)}")).ShouldBe(HpackError.None);
        h.Table.ShouldBe([$"longer: {new string('z', 144)}", $"b: {new string('y', 19)}"]);
    }

    private static bool Insert(HpackDynamicTable table, string name, string value) =>
        table.Insert(0, HpackHarness.Bytes(name), HpackHarness.Bytes(value));
}
