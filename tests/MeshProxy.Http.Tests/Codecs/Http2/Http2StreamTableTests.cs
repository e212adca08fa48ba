using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.Http.Tests.Codecs.Http2;

public sealed class Http2StreamTableTests
{
    /// <summary>Homes of 2048, all: as a client normally counts. Else only ids whose home in the largest table is among these, the last of which runs over its end.</summary>
    [Theory]
    [InlineData(0, 2047)]
    [InlineData(0, 0)]
    [InlineData(1000, 1001)]
    [InlineData(2047, 2047)]
    public void Streams_WhateverTheirIds_AreFoundUntilRemoved(uint firstHome, uint lastHome)
    {
        var random = new Random(1);
        var id = 1u;
        var slabs = new SlabPool();
        var table = new Http2StreamTable();
        var live = new List<Http2Stream>();
        var gone = new List<uint>();
        for (var i = 0; i < 3000; i++)
        {
            if (live.Count < 1000 && random.Next(3) > 0)
            {
                var stream = new Http2Stream(slabs);
                while (id * 0x9E3779B9u >> 21 is var home && (home < firstHome || home > lastHome))
                {
                    id += 2;
                }

                stream.Start(id, 0, 0);
                id += 2;
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
