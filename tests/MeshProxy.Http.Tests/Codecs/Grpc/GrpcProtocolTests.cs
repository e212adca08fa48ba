using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Grpc;

public sealed class GrpcProtocolTests
{
    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc+", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc-web+proto", false)]
    [InlineData("application/grpc; charset=utf-8", false)]
    [InlineData("Application/Grpc", false)]
    [InlineData("application/json", false)]
    public void Request_ByContentType_IsGrpcOrNot(string type, bool expected)
    {
        var headers = new RequestHeaders(new SlabPool());
        GrpcProtocol.IsGrpc(headers).ShouldBeFalse();
        headers.Set(HeaderNames.ContentType, type);
        GrpcProtocol.IsGrpc(headers).ShouldBe(expected);
        headers.Clear();
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("16", 16)]
    [InlineData("99", 99)]
    [InlineData("", 2)]
    [InlineData("one", 2)]
    [InlineData("1x", 2)]
    public void Status_OfTrailers_IsTheNumberOrUnknown(string value, int expected)
    {
        var trailers = new HeaderTrailers(new SlabPool());
        GrpcProtocol.TryGetStatus(trailers, out _).ShouldBeFalse();
        trailers.Set(HeaderNames.GrpcStatus, value);
        GrpcProtocol.TryGetStatus(trailers, out var code).ShouldBeTrue();
        ((int)code).ShouldBe(expected);
        trailers.Clear();
    }
}
