using System.Buffers;
using System.Text;

namespace MeshProxy.Http.Grpc;

/// <summary>A method of a gRPC service: its name, and how its messages are written and read. Which library makes the messages is not this folder's business.</summary>
/// <param name="service">With its package, as in <c>envoy.service.auth.v3.Authorization</c>.</param>
/// <param name="name">As in <c>Check</c>.</param>
/// <param name="serialize">Writes a request's bytes.</param>
/// <param name="parse">Makes a response of its bytes, which it must not keep. What it throws ends the call with status 13.</param>
internal sealed class GrpcMethod<TRequest, TResponse>(
    string service, string name, Action<TRequest, IBufferWriter<byte>> serialize, Func<ReadOnlySequence<byte>, TResponse> parse)
{
    private readonly byte[] _path = Encoding.ASCII.GetBytes($"/{service}/{name}");

    public ReadOnlySpan<byte> Path => _path;

    public Action<TRequest, IBufferWriter<byte>> Serialize { get; } = serialize;

    public Func<ReadOnlySequence<byte>, TResponse> Parse { get; } = parse;
}
