using System.Buffers;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.Tests.Buffers;

public class IoBufferTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Operations_InRandomOrder_DoWhatAListOfBytesDoes(int seed)
    {
        var random = new Random(seed);
        var pool = new SlabPool();
        var buffers = new[] { new IoBuffer(pool), new IoBuffer(pool), new IoBuffer(pool) };
        var models = new[] { new List<byte>(), new List<byte>(), new List<byte>() };
        for (var step = 0; step < 4_000; step++)
        {
            Step(random, buffers, models);
            for (var i = 0; i < buffers.Length; i++)
            {
                buffers[i].Length.ShouldBe(models[i].Count);
                if (step % 16 == 0)
                {
                    buffers[i].ToArray().AsSpan().SequenceEqual(models[i].ToArray()).ShouldBeTrue($"buffer {i} at step {step}");
                    buffers[i].AsSequence().ToArray().AsSpan().SequenceEqual(models[i].ToArray()).ShouldBeTrue($"sequence {i} at step {step}");
                    SumOfSlices(buffers[i]).ShouldBe(models[i].Count);
                }
            }
        }

        foreach (var buffer in buffers)
        {
            buffer.Clear();
        }

        pool.SlabsInUse.ShouldBe(0);
        pool.BytesInUse.ShouldBe(0);
    }

    [Fact]
    public void Buffer_ThatIsEmpty_HoldsNoSlab()
    {
        var pool = new SlabPool();
        var buffer = new IoBuffer(pool);
        buffer.Append("hello"u8);
        pool.SlabsInUse.ShouldBe(1);
        buffer.Drain(5);
        pool.SlabsInUse.ShouldBe(0);
        buffer.IsEmpty.ShouldBeTrue();
        buffer.FirstSpan.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Room_ThatIsNotUsed_IsNoSlice()
    {
        var pool = new SlabPool();
        var source = new IoBuffer(pool);
        source.Append("ab"u8);
        source.GetSpan(60_000);
        source.GetSpan(64 * 1024);
        var target = new IoBuffer(pool);
        target.MoveFrom(source);
        target.SliceCount.ShouldBe(1);
        target.ToArray().ShouldBe("ab"u8.ToArray());
        target.Append(new byte[10]);
        target.Length.ShouldBe(12);
        target.Drain(12);
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void SharedSlab_IsNotAppendedTo_BeforeItsLastSlice()
    {
        var pool = new SlabPool();
        var whole = new IoBuffer(pool);
        whole.Append("headbody"u8);
        var head = new IoBuffer(pool);
        head.MoveFrom(whole, 4);
        head.Append("XX"u8);
        head.ToArray().ShouldBe("headXX"u8.ToArray());
        whole.ToArray().ShouldBe("body"u8.ToArray());
        pool.SlabsInUse.ShouldBe(2);
    }

    [Fact]
    public void Slab_WithAReference_OutlivesItsBuffer()
    {
        var pool = new SlabPool();
        var buffer = new IoBuffer(pool);
        buffer.Append("head"u8);
        var slab = buffer.FirstSlab.AddReference();
        buffer.Clear();
        buffer.Append("other"u8);
        slab.Span(0, 4).SequenceEqual("head"u8).ShouldBeTrue();
        slab.Release();
        buffer.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void MoveFrom_ManySmallPieces_GathersThem()
    {
        var pool = new SlabPool();
        var source = new IoBuffer(pool);
        var target = new IoBuffer(pool);
        for (var round = 0; round < 20; round++)
        {
            source.Append(new byte[SlabPool.MinSlabBytes]);
            while (source.Length > 5)
            {
                target.MoveFrom(source, 1);
                source.Drain(5);
            }

            source.Clear();
        }

        target.SliceCount.ShouldBeLessThan(10);
        pool.BytesInUse.ShouldBeLessThan(2 * target.Length + SlabPool.MinSlabBytes);
        target.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void MakeContiguous_OverManySlices_KeepsTheOrder()
    {
        var pool = new SlabPool();
        var buffer = new IoBuffer(pool);
        var expected = new byte[30_000];
        new Random(1).NextBytes(expected);
        for (var i = expected.Length - 1_000; i >= 0; i -= 1_000)
        {
            buffer.Prepend(expected.AsSpan(i, 1_000));
        }

        buffer.SliceCount.ShouldBe(30);
        buffer.MakeContiguous(20_500, 32 * 1024);
        buffer.FirstSpan.Length.ShouldBeGreaterThanOrEqualTo(20_500);
        buffer.ToArray().ShouldBe(expected);
        Should.Throw<ArgumentOutOfRangeException>(() => buffer.MakeContiguous(10, 65 * 1024));
        Should.Throw<ArgumentOutOfRangeException>(() => buffer.Drain(30_001));
    }

    private static long SumOfSlices(IoBuffer buffer)
    {
        long sum = 0;
        for (var i = 0; i < buffer.SliceCount; i++)
        {
            sum += buffer.SliceAt(i).Length;
        }

        return sum;
    }

    private static void Step(Random random, IoBuffer[] buffers, List<byte>[] models)
    {
        var i = random.Next(buffers.Length);
        var j = (i + 1 + random.Next(buffers.Length - 1)) % buffers.Length;
        var (buffer, model) = (buffers[i], models[i]);
        var bytes = new byte[random.Next(4) == 0 ? random.Next(100_000) : random.Next(300)];
        random.NextBytes(bytes);
        switch (model.Count > 400_000 ? 9 : random.Next(10))
        {
            case 0 or 1:
                buffer.Append(bytes);
                model.AddRange(bytes);
                break;
            case 2:
                buffer.Prepend(bytes);
                model.InsertRange(0, bytes);
                break;
            case 3:
                buffer.MoveFrom(buffers[j]);
                model.AddRange(models[j]);
                models[j].Clear();
                break;
            case 4:
                var moved = random.Next(models[j].Count + 1);
                buffer.MoveFrom(buffers[j], moved);
                model.AddRange(models[j].Take(moved));
                models[j].RemoveRange(0, moved);
                break;
            case 5:
                buffer.CopyFrom(buffers[j]);
                model.AddRange(models[j]);
                break;
            case 6:
                WriteRoom(random, buffer, model);
                break;
            case 7:
                var readable = random.Next((int)Math.Min(model.Count, SlabPool.MaxSlabBytes) + 1);
                if (readable > 0)
                {
                    buffer.MakeContiguous(readable, random.Next(readable, SlabPool.MaxSlabBytes + 1));
                    buffer.FirstSpan.Length.ShouldBeGreaterThanOrEqualTo(readable);
                }

                break;
            default:
                var drained = random.Next(4) == 0 ? model.Count : random.Next(model.Count + 1);
                buffer.Drain(drained);
                model.RemoveRange(0, drained);
                break;
        }
    }

    private static void WriteRoom(Random random, IoBuffer buffer, List<byte> model)
    {
        var room = random.Next(2) == 0 ? buffer.GetSpan(random.Next(SlabPool.MaxSlabBytes + 1)) : buffer.GetMemory(random.Next(5_000)).Span;
        if (random.Next(4) == 0)
        {
            return; // a writer may ask for room and not use it
        }

        var count = random.Next(room.Length + 1);
        random.NextBytes(room[..count]);
        model.AddRange(room[..count]);
        buffer.Advance(count);
    }
}
