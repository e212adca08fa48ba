using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.FilterChain;

/// <summary>
/// What a filter has for its stream after <see cref="IStreamFilterBase.OnDestroy"/>. Streams are recycled: work that a filter left running
/// would else read, or answer, the request of another client.
/// </summary>
internal sealed class EndedStream : IHttpFilterCallbacks
{
    public static readonly EndedStream Instance = new();

    private EndedStream()
    {
    }

    public EventLoop Loop => throw Ended();

    public Connection Connection => throw Ended();

    public StreamInfo StreamInfo => throw Ended();

    public RequestHeaders RequestHeaders => throw Ended();

    public ResponseHeaders? ResponseHeaders => null;

    public CancellationToken Aborted => new(canceled: true);

    public RouteEntry? Route => null;

    public void ClearRouteCache()
    {
    }

    public T? RouteConfig<T>(string filterName)
        where T : class => null;

    public void SendLocalReply(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders = null)
    {
    }

    public ValueTask<IoBuffer?> BufferRequestBodyAsync(long maxBytes) => default;

    public ValueTask<bool> ReadRequestDataAsync(IoBuffer into) => default;

    private static ObjectDisposedException Ended() => new(nameof(IHttpFilterCallbacks), "The stream has ended.");
}
