using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.Http.Tests.Codecs.Http2;

public sealed class Http2StreamTableTests
{
    /// <summary>1: as a client normally counts. 4096: every stream has the same home in the table. 1022: two rows that run into each other at its end.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(1022)]
    [InlineData(4096)]
    public void Streams_WhateverTheirIds_AreFoundUntilRemoved(int step)
    {
        var random = new Random(step);
        var slabs = new SlabPool();
        var table = new Http2StreamTable();
        var live = new List<Http2Stream>();
        var gone = new List<uint>();
        for (var i = 0; i < 3000; i++)
        {
            if (live.Count < 1000 && random.Next(3) > 0)
            {
                var stream = new Http2Stream(slabs);
                stream.Start((uint)((2 * i * step) + 1), 0, 0);
                table.Find(stream.Id).ShouldBeNull();
                table.Add(stream);
                live.Add(stream);
            }
            else if (live.Count > 0)
            {
                var at = random.Next(live.Count);
                table.Remove(live[at]);
                gone.Add(live[at].Id);
                live.RemoveAt(at);
            }

            table.Count.ShouldBe(live.Count);
            if (i % 100 == 0)
            {
                live.ShouldAllBe(s => table.Find(s.Id) == s);
                gone.ShouldAllBe(id => table.Find(id) == null);
                table.Slots.ToArray().Count(s => s is not null).ShouldBe(live.Count);
            }
        }

        foreach (var stream in live)
        {
            table.Remove(stream);
        }

        table.Count.ShouldBe(0);
        table.FindAbove(0).ShouldBeNull();
        live.ShouldAllBe(s => table.Find(s.Id) == null);
    }
}
