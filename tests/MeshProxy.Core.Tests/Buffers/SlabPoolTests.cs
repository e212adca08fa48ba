using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.Tests.Buffers;

public class SlabPoolTests
{
    [Theory]
    [InlineData(0, 8)]
    [InlineData(8 * 1024, 8)]
    [InlineData((8 * 1024) + 1, 16)]
    [InlineData(16 * 1024, 16)]
    [InlineData(30_000, 32)]
    [InlineData(64 * 1024, 64)]
    public void Rent_GivesTheSmallestClassThatFits(int bytes, int kib)
    {
        var pool = new SlabPool();
        var slab = pool.Rent(bytes);
        slab.Size.ShouldBe(kib * 1024);
        pool.BytesInUse.ShouldBe(slab.Size);
        slab.Release();
        pool.BytesInUse.ShouldBe(0);
    }

    [Fact]
    public void Rent_PastTheLargestClass_Throws() =>
        Should.Throw<ArgumentOutOfRangeException>(() => new SlabPool().Rent(SlabPool.BulkSlabBytes + 1));

    [Fact]
    public void Slab_ThatWasReturned_IsTheNextToGo()
    {
        var pool = new SlabPool();
        var (first, second) = (pool.Rent(), pool.Rent());
        first.Release();
        second.Release();
        pool.Rent().ShouldBeSameAs(second);
        pool.Rent().ShouldBeSameAs(first);
        pool.SlabsInUse.ShouldBe(2);
    }

    [Fact]
    public void Slabs_PastTheRetainedBytes_AreLetGo()
    {
        var pool = new SlabPool(maxRetainedBytes: SlabPool.MinSlabBytes);
        var (first, second) = (pool.Rent(), pool.Rent());
        first.Release();
        second.Release();
        pool.Rent().ShouldBeSameAs(first);
        pool.Rent().ShouldNotBeSameAs(second);
    }
}
