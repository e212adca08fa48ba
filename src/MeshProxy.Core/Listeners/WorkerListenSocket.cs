using System.Net;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Listeners;

/// <summary>A listen socket in one worker's poller: the accept loop.</summary>
/// <remarks>Worker thread only. Belongs to the address; whose connections they become is <see cref="Target"/>, which an update sets.</remarks>
internal sealed class WorkerListenSocket(ConnectionHandler handler, ISocketOps ops, int socket, NetworkAddress bound, PollMode mode, bool handsOver)
    : ISocketHandler
{
    /// <summary>How long accepting rests when the process has no file descriptor left.</summary>
    public const int OutOfFilesPauseMs = 100;

    private const int DefaultAcceptsATurn = 64;

    /// <summary>More than any backlog; clients that connect faster than they are accepted must not keep a socket from closing.</summary>
    private const int MaxLastAccepts = 65536;

    /// <summary>Saves a system call for each connection: only a wildcard leaves open which address it came to.</summary>
    private readonly bool _localAddressIsBound =
        bound is not SocketAddress ip || !(ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any));

    private LoopTimer? _pause;
    private int _nextWorker;
    private bool _registered;

    /// <summary>The listener that gets what is accepted.</summary>
    public WorkerListener? Target { get; private set; }

    /// <summary>Directs what is accepted from now on to a listener; the first call begins to accept.</summary>
    public void SetTarget(WorkerListener target)
    {
        Target = target;
        if (!_registered)
        {
            _registered = true;
            ops.Register(handler.Loop, socket, this, mode);
        }
    }

    /// <summary>Accepts what the kernel has queued, then stops. The socket stays open.</summary>
    public void Stop()
    {
        if (!_registered)
        {
            return;
        }

        _registered = false;
        _pause?.Cancel();
        ops.Unregister(handler.Loop, socket);
        for (var i = 0; i < MaxLastAccepts && AcceptOne(); i++)
        {
        }
    }

    void ISocketHandler.OnReady(Readiness readiness)
    {
        var left = Target?.Current.Config.MaxConnectionsToAcceptPerSocketEvent ?? DefaultAcceptsATurn;
        while (left-- > 0 && AcceptOne())
        {
        }
    }

    private bool AcceptOne()
    {
        var status = ops.Accept(socket, out var accepted, out var peer);
        switch (status)
        {
            case SocketStatus.Ok:
                Dispatch(accepted, peer);
                return true;
            case SocketStatus.ConnectionAborted or SocketStatus.ConnectionReset:
                return true; // that client has gone; the next one may be there
            case SocketStatus.TooManyFiles:
                Pause();
                return false;
            default:
                return false;
        }
    }

    private void Dispatch(int accepted, NetworkAddress? peer)
    {
        var target = Target!;
        var worker = handler.Index;
        var balancer = target.Current.Balancer;
        if (balancer is not null)
        {
            worker = balancer.Acquire(worker);
        }
        else if (handsOver)
        {
            worker = _nextWorker;
            _nextWorker = (worker + 1) % handler.Workers.Count;
        }

        var local = _localAddressIsBound ? bound : ops.GetLocalAddress(accepted) ?? bound;
        var connection = new AcceptedSocket(target.Current, ops, accepted, Unmap(local), Unmap(peer), balancer);
        if (worker == handler.Index)
        {
            handler.OnAccepted(connection);
        }
        else if (!handler.Workers[worker].TryHandOver(connection))
        {
            balancer?.Release(worker);
            ops.Close(accepted);
        }
    }

    /// <summary>IPv4 clients of an IPv6 socket appear as IPv4.</summary>
    private static NetworkAddress? Unmap(NetworkAddress? address) =>
        address is SocketAddress { Address.IsIPv4MappedToIPv6: true } ip ? new SocketAddress(ip.Address.MapToIPv4(), ip.Port) : address;

    private void Pause()
    {
        if (!_registered)
        {
            return;
        }

        // Level-triggered: it would be reported again at once, and the worker would spin.
        handler.OnOutOfFiles();
        ops.Unregister(handler.Loop, socket);
        _pause ??= new LoopTimer(handler.Loop, static state => ((WorkerListenSocket)state!).Resume(), this);
        _pause.Arm(OutOfFilesPauseMs);
    }

    private void Resume()
    {
        if (_registered)
        {
            ops.Register(handler.Loop, socket, this, mode);
        }
    }
}

/// <summary>A socket between its accept and its connection, which another worker may get.</summary>
internal sealed record AcceptedSocket(
    Listener Listener, ISocketOps Ops, int Socket, NetworkAddress? Local, NetworkAddress? Remote, ExactBalancer? Balancer);
