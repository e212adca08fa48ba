using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>The codec side of a stream: the downstream connection that carries it.</summary>
internal interface IStreamOwner : IDownstreamStream
{
    Connection Connection { get; }

    StreamInfo ConnectionInfo { get; }

    bool IsHttp2 { get; }

    /// <summary>The head of this stream, which has not begun, took too long.</summary>
    /// <param name="details">The response-code detail of the timeout that it was.</param>
    void OnHeadTimeout(ActiveStream stream, string details);

    /// <summary>Whether the stream has become a tunnel, whose directions end one by one.</summary>
    bool IsTunnel { get; }

    /// <summary>The stream is dead: its pending reads and writes end, from the ready queue, and nothing more of it is sent.</summary>
    void Reset(ActiveStream stream);

    /// <summary>The stream is about to be logged: what was sent and received for it.</summary>
    void OnStreamEnding(ActiveStream stream);

    /// <summary>The stream is over; nothing of it may be touched after this returns.</summary>
    void OnStreamComplete(ActiveStream stream);
}
