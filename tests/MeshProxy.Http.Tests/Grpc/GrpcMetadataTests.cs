using MeshProxy.Core.Buffers;
using MeshProxy.Http.Grpc;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Grpc;

public sealed class GrpcMetadataTests
{
    [Fact]
    public void Bytes_OfABinaryName_TravelAsBase64WithoutPadding()
    {
        var entry = new GrpcMetadata("x-trace-bin", [1, 2, 3, 4]);

        entry.Value.ShouldBe("AQIDBA");
        new GrpcMetadata("x-trace-bin", []).Value.ShouldBe("");
        new GrpcMetadata("x-trace", "text").Value.ShouldBe("text");
    }

    [Theory]
    [InlineData("AQIDBA", new byte[] { 1, 2, 3, 4 })]
    [InlineData("AQIDBA==", new byte[] { 1, 2, 3, 4 })]
    [InlineData("", new byte[0])]
    [InlineData("AQ,Ag", new byte[] { 1 })]
    public void Value_OfABinaryName_IsReadWithOrWithoutPadding(string value, byte[] expected)
    {
        var headers = new ResponseHeaders(new SlabPool());
        headers.Set("x-trace-bin", value);
        GrpcMetadata.TryGetBytes(headers, "x-trace-bin", out var bytes).ShouldBeTrue();
        bytes.ShouldBe(expected);
        headers.Clear();
    }

    [Theory]
    [InlineData("A")]
    [InlineData("not base64!")]
    public void Value_ThatIsNoBase64_IsNone(string value)
    {
        var headers = new ResponseHeaders(new SlabPool());
        headers.Set("x-trace-bin", value);
        GrpcMetadata.TryGetBytes(headers, "x-trace-bin", out _).ShouldBeFalse();
        GrpcMetadata.TryGetBytes(headers, "x-other-bin", out _).ShouldBeFalse();
        headers.Clear();
    }

    [Fact]
    public void Name_OfTheOtherKind_IsRefused()
    {
        Should.Throw<ArgumentException>(static () => new GrpcMetadata("x-trace-bin", "text"));
        Should.Throw<ArgumentException>(static () => new GrpcMetadata("x-trace", [1]));
    }
}
