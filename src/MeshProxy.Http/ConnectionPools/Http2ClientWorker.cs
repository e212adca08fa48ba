using System.Runtime.CompilerServices;
using MeshProxy.Core.Event;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>What a worker's upstream HTTP/2 connections share: objects that a request rents.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class Http2ClientWorker
{
    private const int MaxRetained = 4096;

    private static readonly ConditionalWeakTable<EventLoop, Http2ClientWorker> s_workers = [];

    private readonly Stack<Http2ClientStream> _streams = new();
    private readonly Stack<ResponseHeaders> _heads = new();

    private Http2ClientWorker(EventLoop loop)
    {
        Loop = loop;
        CodecStreams = new Http2StreamPool(loop.Slabs);
    }

    public EventLoop Loop { get; }

    public Http2StreamPool CodecStreams { get; }

    /// <summary>The worker of a loop; made on first use.</summary>
    public static Http2ClientWorker For(EventLoop loop) => s_workers.GetValue(loop, static loop => new Http2ClientWorker(loop));

    public Http2ClientStream Rent() => _streams.TryPop(out var stream) ? stream : new Http2ClientStream(this);

    public void Return(Http2ClientStream stream)
    {
        if (_streams.Count < MaxRetained)
        {
            _streams.Push(stream);
        }
    }

    /// <summary>A map for a head that nobody has asked for yet.</summary>
    public ResponseHeaders RentHead() => _heads.TryPop(out var head) ? head : new ResponseHeaders(Loop.Slabs);

    public void Return(ResponseHeaders head)
    {
        head.Clear();
        if (_heads.Count < MaxRetained)
        {
            _heads.Push(head);
        }
    }
}
