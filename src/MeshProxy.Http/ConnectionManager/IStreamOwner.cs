using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>The codec side of a stream: the downstream connection that carries it.</summary>
internal interface IStreamOwner : IDownstreamStream
{
    Connection Connection { get; }

    StreamInfo ConnectionInfo { get; }

    /// <summary>The head of this stream, which has not begun, took too long.</summary>
    void OnHeadTimeout(ActiveStream stream);

    /// <summary>The stream is over; nothing of it may be touched after this returns.</summary>
    void OnStreamComplete(ActiveStream stream);
}
