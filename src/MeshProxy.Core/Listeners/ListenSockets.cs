using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Listeners;

/// <summary>
/// The listen sockets of one address. They belong to the address and not to a listener: an update hands them over, and they close
/// only with the address, after what the kernel has queued was accepted (closing one of a SO_REUSEPORT group drops its queue).
/// </summary>
/// <remarks>
/// Control side; each worker's part is touched on that worker. Three shapes: a socket for each worker (SO_REUSEPORT, internal); one socket in
/// every worker's poller, of which one wakes (Unix sockets on epoll); one socket on worker 0, which hands what it accepts over.
/// </remarks>
internal sealed class ListenSockets
{
    private readonly IReadOnlyList<ConnectionHandler> _workers;
    private readonly ISocketOps[] _ops;
    private readonly int[] _handles; // -1 where a worker has none of its own
    private readonly WorkerListenSocket?[] _sockets;
    private readonly bool _shared;

    private ListenSockets(ListenSocketKey key, IReadOnlyList<ConnectionHandler> workers, bool shared)
    {
        Key = key;
        Bound = key.Address;
        _workers = workers;
        _shared = shared;
        _ops = [.. workers.Select(w => w.Loop.SocketsFor(key.Address))];
        _handles = new int[workers.Count];
        Array.Fill(_handles, -1);
        _sockets = new WorkerListenSocket?[workers.Count];
    }

    public ListenSocketKey Key { get; }

    /// <summary>The address with the port that the system chose.</summary>
    public NetworkAddress Bound { get; private set; }

    /// <summary>Binds all sockets of an address; none accepts yet.</summary>
    /// <exception cref="ListenException">The address cannot be had. Nothing is left open.</exception>
    public static async Task<ListenSockets> BindAsync(ListenSocketKey key, string listener, IReadOnlyList<ConnectionHandler> workers)
    {
        var shared = key.Address is UnixSocketAddress && workers.Count > 1 && workers[0].Loop.Poller.SharesListenSockets;
        var sockets = new ListenSockets(key, workers, shared);
        try
        {
            await sockets.BindAllAsync(listener);
        }
        catch
        {
            await sockets.CloseAsync();
            throw;
        }

        return sockets;
    }

    /// <summary>Begins to listen; connections queue in the kernel until a worker has a target for them.</summary>
    public async Task ListenAsync(ListenerConfig config)
    {
        var backlog = config.TcpBacklogSize ?? DefaultBacklog;
        for (var i = 0; i < _handles.Length; i++)
        {
            if (_handles[i] < 0)
            {
                continue;
            }

            var (ops, handle) = (_ops[i], _handles[i]);
            var status = await _workers[i].Loop.RunAsync(() => ops.Listen(handle, backlog));
            if (status != SocketStatus.Ok)
            {
                throw new ListenException(config.Name, Key.Address, "listen", status);
            }
        }
    }

    /// <summary>Directs a worker's part to a listener. On that worker.</summary>
    public void SetTarget(WorkerListener target)
    {
        var index = target.Handler.Index;
        if (_handles[index] >= 0 || _shared)
        {
            var handle = _shared ? _handles[0] : _handles[index];
            _sockets[index] ??= new WorkerListenSocket(
                target.Handler, _ops[index], handle, Bound, _shared ? PollMode.LevelExclusive : PollMode.Level, !_shared && !IsPerWorker);
            _sockets[index]!.SetTarget(target);
        }
    }

    /// <summary>Accepts what is queued on a worker's part and stops. On that worker. Follow with <see cref="CloseAsync"/>.</summary>
    public void Stop(int worker)
    {
        _sockets[worker]?.Stop();
        if (!_shared && _handles[worker] >= 0)
        {
            // At once: what the kernel queues between the last accept and the close is lost.
            _ops[worker].Close(_handles[worker]);
            _handles[worker] = -1;
        }
    }

    /// <summary>Closes the sockets that are still open.</summary>
    public async Task CloseAsync()
    {
        for (var i = 0; i < _handles.Length; i++)
        {
            if (_handles[i] >= 0)
            {
                var (ops, handle) = (_ops[i], _handles[i]);
                _handles[i] = -1;
                await _workers[i].Loop.RunAsync(() => ops.Close(handle));
            }
        }
    }

    private static int DefaultBacklog
    {
        get
        {
            const string path = "/proc/sys/net/core/somaxconn";
            return OperatingSystem.IsLinux() && File.Exists(path) && int.TryParse(File.ReadAllText(path), out var max) ? max : 128;
        }
    }

    private bool IsPerWorker => _handles.Length == 1 || _handles[^1] >= 0;

    private async Task BindAllAsync(string listener)
    {
        if (Key.Address is UnixSocketAddress { IsAbstract: false } unix)
        {
            RemoveDeadPath(listener, unix);
        }

        var reusePort = (Key.ReusePort || Key.Address is InternalAddress) && _workers.Count > 1;
        if (reusePort && Key.Address is SocketAddress { Port: not 0 })
        {
            // With SO_REUSEPORT the bind would succeed and share the port with another process of this user.
            var probe = await OpenAsync(0, listener, Key.Address, reusePort: false);
            await _workers[0].Loop.RunAsync(() => _ops[0].Close(probe.Handle));
        }

        var first = await OpenAsync(0, listener, Key.Address, reusePort);
        _handles[0] = first.Handle;
        Bound = first.Bound;
        for (var i = 1; first.ReusesPort && i < _workers.Count; i++)
        {
            _handles[i] = (await OpenAsync(i, listener, Bound, reusePort: true)).Handle;
        }
    }

    /// <summary>Creates and binds a socket on a worker.</summary>
    private async Task<OpenSocket> OpenAsync(int worker, string listener, NetworkAddress address, bool reusePort)
    {
        var ops = _ops[worker];
        var opened = await _workers[worker].Loop.RunAsync(() => Open(ops, address, Key.Ipv4Compat, reusePort));
        return opened.Status == SocketStatus.Ok ? opened : throw new ListenException(listener, Key.Address, opened.Step, opened.Status);
    }

    private static OpenSocket Open(ISocketOps ops, NetworkAddress address, bool ipv4Compat, bool reusePort)
    {
        var status = ops.Create(address, out var handle);
        if (status != SocketStatus.Ok)
        {
            return new OpenSocket("socket", status, -1, false, address);
        }

        if (address is SocketAddress ip)
        {
            // Connections of a predecessor that are in TIME_WAIT must not keep the port.
            ops.SetOption(handle, SocketOption.ReuseAddress, 1);
            if (ip.Address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                ops.SetOption(handle, SocketOption.IPv6Only, ipv4Compat ? 0 : 1);
            }

            reusePort = reusePort && ops.SetOption(handle, SocketOption.ReusePort, 1) == SocketStatus.Ok;
        }
        else
        {
            // Each loop has a namespace of its own for addresses inside the process.
            reusePort = reusePort && address is InternalAddress;
        }

        status = ops.Bind(handle, address);
        if (status != SocketStatus.Ok)
        {
            ops.Close(handle);
            return new OpenSocket("bind", status, -1, false, address);
        }

        var bound = address is SocketAddress ? ops.GetLocalAddress(handle) ?? address : address;
        return new OpenSocket("", SocketStatus.Ok, handle, reusePort, bound);
    }

    /// <summary>A socket file outlives its process. Only one that nobody answers at is removed.</summary>
    private static void RemoveDeadPath(string listener, UnixSocketAddress unix)
    {
        if (!File.Exists(unix.Path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(unix.Path));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if (IsSocketFile(unix.Path))
            {
                File.Delete(unix.Path);
                return;
            }

            throw new ListenException(listener, unix, "the path is a file, not a socket");
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.WouldBlock)
        {
            // Its queue is full: somebody listens.
        }
        catch (SocketException exception)
        {
            throw new ListenException(listener, unix, exception.Message);
        }

        throw new ListenException(listener, unix, "another process listens on this path");
    }

    /// <summary>A socket cannot be opened as a file: that is how it is told from a file that somebody needs.</summary>
    private static bool IsSocketFile(string path)
    {
        try
        {
            // Read and write: opening a pipe for reading alone would wait for a writer.
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private readonly record struct OpenSocket(string Step, SocketStatus Status, int Handle, bool ReusesPort, NetworkAddress Bound);
}
