using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class UnixListenerTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"mp-{Guid.NewGuid():N}.sock");

    public void Dispose() => File.Delete(_path);

    private ListenerConfig OnPath(UnixFileMode? mode = null) => Listener() with { Address = new UnixSocketAddress(_path, mode) };

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task UnixSocket_WithMode_ServesAndHasIt(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(OnPath(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        for (var i = 0; i < 10; i++)
        {
            using var client = await h.ConnectAsync();
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }

        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(_path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        await h.NothingIsLeftAsync();
        h.Counter("listener.main.downstream_cx_total").ShouldBe(10);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task UnixSocket_OnADeadPath_TakesIt(EventLoopKind kind)
    {
        LeaveDeadPath();
        File.Exists(_path).ShouldBeTrue();
        await using var h = await new ServerHarness(kind).StartAsync(OnPath());
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task UnixSocket_WhereSomebodyListens_IsRefused(EventLoopKind kind)
    {
        await using var first = await new ServerHarness(kind).StartAsync(OnPath());
        var second = new ServerHarness(kind).Create(OnPath());
        (await Should.ThrowAsync<ListenException>(() => second.StartAsync())).Message.ShouldContain("another process listens");
        using var client = await first.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task UnixSocket_WhereAFileIs_LeavesTheFile(EventLoopKind kind)
    {
        File.WriteAllText(_path, "");
        var server = new ServerHarness(kind).Create(OnPath());
        (await Should.ThrowAsync<ListenException>(() => server.StartAsync())).Message.ShouldContain("not a socket");
        File.Exists(_path).ShouldBeTrue();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task AbstractUnixSocket_OverSeveralWorkers_Serves(EventLoopKind kind)
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // only Linux has them
        }

        await using var h = await new ServerHarness(kind).StartAsync(Listener(address: $"unix:@mp-{Guid.NewGuid():N}"));
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
        await h.UpdateAsync();
        await Should.ThrowAsync<ArgumentException>(() => h.ConnectAsync());
    }

    private void LeaveDeadPath()
    {
        // A Socket deletes its path at its end, unlike a process that was killed: the path is moved away meanwhile.
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_path + ".1"));
        File.Move(_path + ".1", _path);
    }
}
