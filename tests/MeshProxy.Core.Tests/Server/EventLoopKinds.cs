using MeshProxy.Core.Event;

namespace MeshProxy.Core.Tests.Server;

/// <summary>Runs a test on every event loop that this system has.</summary>
public sealed class EventLoopKinds : TheoryData<EventLoopKind>
{
    public EventLoopKinds()
    {
        Add(EventLoopKind.Sockets);
        if (OperatingSystem.IsLinux())
        {
            Add(EventLoopKind.Epoll);
        }
    }
}
