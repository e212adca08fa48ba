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
    [InlineData(65536)]
    public void Insertions_OfManyLengths_HoldWhatASimpleListHolds(int maxBytes)
    {
        var random = new Random(maxBytes);
        var table = new HpackDynamicTable(maxBytes);
        var list = new List<string>();
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
            while (list.Sum(e => e.Length - 2 + 32) > table.MaxBytes)
            {
                list.RemoveAt(list.Count - 1);
            }

            table.Bytes.ShouldBe(list.Sum(e => e.Length - 2 + 32));
            table.Count.ShouldBe(list.Count);
            if (i % 50 == 0)
            {
                HpackHarness.TableOf(table).ShouldBe(list);
            }
        }

        // The names' and values' own room is never larger than the table.
        table.AllocatedBytes.ShouldBeLessThanOrEqualTo(maxBytes + (table.Capacity * 16));
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

    private static bool Insert(HpackDynamicTable table, string name, string value) =>
        table.Insert(0, HpackHarness.Bytes(name), HpackHarness.Bytes(value));
}
