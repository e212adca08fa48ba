using MeshProxy.Core.Config;

namespace MeshProxy.Core.Tests.Config;

public sealed class EquatableArrayTests
{
    private sealed record Holder(string Name, EquatableArray<string> Items);

    [Fact]
    public void Record_WithEqualItems_IsEqualAndHashesAlike()
    {
        var a = new Holder("x", ["a", "b"]);
        var b = new Holder("x", new List<string> { "a", "b" }.ToEquatableArray());
        a.ShouldBe(b);
        a.GetHashCode().ShouldBe(b.GetHashCode());
        a.ShouldNotBe(new Holder("x", ["a", "c"]));
        a.ShouldNotBe(new Holder("x", ["a"]));
        a.ShouldNotBe(new Holder("x", ["b", "a"]));
    }

    [Fact]
    public void Default_IsTheEmptyList()
    {
        EquatableArray<int> none = [];
        none.ShouldBe(default);
        none.GetHashCode().ShouldBe(default(EquatableArray<int>).GetHashCode());
        default(EquatableArray<int>).Count.ShouldBe(0);
        default(EquatableArray<int>).ToList().ShouldBeEmpty();
        Should.Throw<IndexOutOfRangeException>(() => default(EquatableArray<int>)[0]);
    }

    [Fact]
    public void Array_ChangedAfterwards_DoesNotChangeTheList()
    {
        int[] source = [1, 2];
        EquatableArray<int> list = source;
        source[0] = 9;
        list[0].ShouldBe(1);
    }

    [Fact]
    public void Add_LeavesTheOriginal()
    {
        EquatableArray<int> list = [1];
        list.Add(2).AddRange([3, 4]).ToArray().ShouldBe([1, 2, 3, 4]);
        list.Count.ShouldBe(1);
    }

    [Fact]
    public void Null_AmongItems_Compares()
    {
        EquatableArray<string?> a = [null, "x"];
        EquatableArray<string?> b = [null, "x"];
        a.ShouldBe(b);
        (a == ["x", null]).ShouldBeFalse();
    }
}
