namespace MeshProxy.Core.Event;

/// <summary>How a worker learns of its sockets' readiness.</summary>
public enum EventLoopKind
{
    /// <summary><see cref="Epoll"/> on Linux, <see cref="Sockets"/> elsewhere.</summary>
    Auto,

    /// <summary>Linux's epoll, edge-triggered.</summary>
    Epoll,

    /// <summary>Non-blocking <see cref="System.Net.Sockets.Socket"/>s polled on the worker's own thread; on every platform.</summary>
    Sockets,
}
