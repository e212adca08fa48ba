using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Event;

/// <summary>Makes the loops of a server.</summary>
internal static class EventLoopFactory
{
    /// <summary>What <see cref="EventLoopKind.Auto"/> means on this machine.</summary>
    public static EventLoopKind Resolve(EventLoopKind kind) => kind switch
    {
        EventLoopKind.Auto => OperatingSystem.IsLinux() ? EventLoopKind.Epoll : EventLoopKind.Sockets,
        _ => kind,
    };

    /// <param name="kind">What to build it on.</param>
    /// <param name="index">The worker's number, from 0; -1 for the control loop.</param>
    /// <param name="name">The thread's name.</param>
    /// <param name="logger">Gets what the loop has to say of faults.</param>
    /// <param name="stats">Counts faults.</param>
    /// <param name="maxRetainedSlabBytes">Free buffer memory that the loop keeps for reuse; null for the default.</param>
    /// <param name="busyTurnIntervalUs">See <see cref="EventLoopOptions.BusyTurnIntervalUs"/>.</param>
    /// <exception cref="PlatformNotSupportedException"><see cref="EventLoopKind.Epoll"/> was asked for elsewhere than on Linux.</exception>
    /// <exception cref="IOException">The system has no descriptor left.</exception>
    public static EventLoop Create(
        EventLoopKind kind, int index, string name, ILogger? logger = null, ILoopStats? stats = null, int? maxRetainedSlabBytes = null, int busyTurnIntervalUs = 0)
    {
        var (poller, sockets) = CreateIo(kind);
        var options = new EventLoopOptions
        {
            Index = index,
            Name = name,
            Poller = poller,
            Sockets = sockets,
            Logger = logger ?? NullLogger.Instance,
            Stats = stats,
            BusyTurnIntervalUs = busyTurnIntervalUs,
        };
        return new EventLoop(maxRetainedSlabBytes is { } bytes ? options with { MaxRetainedSlabBytes = bytes } : options);
    }

    private static (IPoller Poller, ISocketOps Sockets) CreateIo(EventLoopKind kind)
    {
        if (Resolve(kind) == EventLoopKind.Epoll)
        {
            return OperatingSystem.IsLinux()
                ? (new EpollPoller(), new LinuxSocketOps())
                : throw new PlatformNotSupportedException("the epoll event loop needs Linux: choose 'auto' or 'sockets'");
        }

        return (new SelectPoller(), new PortableSocketOps());
    }
}
