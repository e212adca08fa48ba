using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Tests.Streams;

public sealed class MetadataTests
{
    [Fact]
    public void Value_OfEachKind_ComparesByContent()
    {
        MetadataValue[] values = [MetadataValue.Null, true, false, 1, 1.5, "1", "", MetadataValue.ListOf([1, "x"]), MetadataValue.ListOf([]), Struct(), new MetadataStruct()];
        MetadataValue[] again = [default, true, false, 1, 1.5, "1", "", MetadataValue.ListOf([1, "x"]), MetadataValue.ListOf([]), Struct(), new MetadataStruct()];
        for (var i = 0; i < values.Length; i++)
        {
            for (var k = 0; k < values.Length; k++)
            {
                (values[i] == again[k]).ShouldBe(i == k, $"{values[i]} and {again[k]}");
            }

            values[i].GetHashCode().ShouldBe(again[i].GetHashCode());
        }
    }

    [Fact]
    public void Value_AskedForAnotherKind_GivesItsDefault()
    {
        MetadataValue text = "x";
        text.AsNumber().ShouldBe(0);
        text.AsBool().ShouldBeFalse();
        text.AsList().IsEmpty.ShouldBeTrue();
        text.AsStruct().ShouldBeNull();
        MetadataValue.From((string?)null).IsNull.ShouldBeTrue();
    }

    [Fact]
    public void ToString_IsJsonExceptForATopString()
    {
        ((MetadataValue)"a\"b").ToString().ShouldBe("a\"b");
        MetadataValue.ListOf(["a\"\n", 1.5, 3, true, MetadataValue.Null]).ToString().ShouldBe("""["a\"\n",1.5,3,true,null]""");
        new MetadataStruct { { "k", new MetadataStruct { { "n", 1 } } } }.ToString().ShouldBe("""{"k":{"n":1}}""");
    }

    [Fact]
    public void Struct_InAnotherOrder_IsEqual()
    {
        var a = new MetadataStruct { { "a", 1 }, { "b", "2" } };
        var b = new MetadataStruct { { "b", "2" }, { "a", 1 } };
        a.Equals(b).ShouldBeTrue();
        a.GetHashCode().ShouldBe(b.GetHashCode());
        a.Equals(new MetadataStruct { { "a", 1 }, { "c", "2" } }).ShouldBeFalse();
    }

    [Fact]
    public void Dynamic_SetTwice_MergesFields()
    {
        var metadata = new DynamicMetadata();
        metadata.Get("ns", "a").IsNull.ShouldBeTrue();
        metadata.Set("ns", new MetadataStruct { { "a", 1 }, { "b", 1 } });
        metadata.Set("ns", "b", 2);
        metadata["ns"].ShouldBe(new MetadataStruct { { "a", 1 }, { "b", 2 } });
        metadata.Reset();
        metadata.Count.ShouldBe(0);
    }

    private static MetadataStruct Struct() => new() { { "a", true } };
}
