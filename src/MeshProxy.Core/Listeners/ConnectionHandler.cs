using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using Microsoft.Extensions.Logging;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Listeners;

/// <summary>One worker's listeners and live downstream connections.</summary>
/// <remarks>Worker thread only, but for <see cref="TryHandOver"/> and the immutable members.</remarks>
internal sealed class ConnectionHandler
{
    private readonly Dictionary<string, WorkerListener> _listeners = new(StringComparer.Ordinal);
    private Dictionary<SocketAddress, WorkerListener>? _byAddress;
    private ActiveConnection? _first;
    private Action? _whenEmpty;

    public ConnectionHandler(EventLoop loop, ILogger logger)
    {
        Loop = loop;
        Logger = logger;
        Workers = [this];
    }

    public EventLoop Loop { get; }

    public int Index => Loop.Index;

    public ILogger Logger { get; }

    /// <summary>All workers of the server, by index. Set before the first listener is.</summary>
    public IReadOnlyList<ConnectionHandler> Workers { get; set; }

    /// <summary>Live connections of all listeners, also those whose chain is not chosen yet.</summary>
    public int ActiveConnections { get; private set; }

    /// <summary>Makes a listener's version the one that new connections get.</summary>
    public WorkerListener SetListener(Listener listener)
    {
        _byAddress = null;
        if (_listeners.TryGetValue(listener.Name, out var existing))
        {
            existing.Current = listener;
            return existing;
        }

        return _listeners[listener.Name] = new WorkerListener(this, listener);
    }

    /// <summary>The listener whose configured address this is: exactly, or the wildcard of its family with the same port (Envoy:
    /// <c>use_original_dst</c>). Null if there is none.</summary>
    public WorkerListener? FindListener(NetworkAddress? address)
    {
        if (address is not SocketAddress ip)
        {
            return null;
        }

        var all = _byAddress ??= MapAddresses();
        return all.GetValueOrDefault(ip)
            ?? all.GetValueOrDefault(new SocketAddress(ip.Address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, ip.Port));
    }

    public void RemoveListener(string name)
    {
        _byAddress = null;
        if (_listeners.Remove(name, out var listener))
        {
            listener.IsRemoved = true;
        }
    }

    /// <summary>Tells the filters of a draining chain's connections, and calls back on this worker when no connection of it is left.</summary>
    public void BeginDrain(FilterChain chain, Action whenEmpty)
    {
        ForEach(connection =>
        {
            if (connection.Chain == chain)
            {
                connection.NotifyDrain();
            }
        });
        chain.WhenEmpty(Index, whenEmpty);
    }

    /// <summary>Tells the filters of all connections that the server drains, and calls back when none is left.</summary>
    public void BeginDrainAll(Action whenEmpty)
    {
        ForEach(static connection => connection.NotifyDrain());
        if (ActiveConnections == 0)
        {
            whenEmpty();
        }
        else
        {
            _whenEmpty = whenEmpty;
        }
    }

    /// <summary>Closes the connections of a chain, or all; their filters see it as a local close.</summary>
    public void CloseConnections(FilterChain? chain) => ForEach(connection =>
    {
        if (chain is null || connection.Chain == chain)
        {
            connection.CloseHard();
        }
    });

    /// <summary>Serves an accepted socket on this worker.</summary>
    public void OnAccepted(AcceptedSocket accepted)
    {
        var listener = accepted.Listener;
        if (!_listeners.TryGetValue(listener.Name, out var owner))
        {
            Refuse(accepted); // the listener went while the socket was on its way from another worker
            return;
        }

        if (listener.Config.MaxConnections is { } max && !listener.Limiter.TryAcquire(max))
        {
            listener.Stats.Overflow.Increment();
            Refuse(accepted);
            return;
        }

        new ActiveConnection(owner, accepted).Start();
    }

    /// <summary>Gives a socket that another worker has accepted to this one. Any thread. False if this worker has stopped.</summary>
    public bool TryHandOver(AcceptedSocket accepted) =>
        Loop.Post(
            static state =>
            {
                var (handler, accepted) = ((ConnectionHandler, AcceptedSocket))state!;
                handler.OnAccepted(accepted);
            },
            (this, accepted));

    public void OnOutOfFiles() => ListenerLog.OutOfFiles(Logger, Index, WorkerListenSocket.OutOfFilesPauseMs);

    public void Add(ActiveConnection connection)
    {
        connection.Next = _first;
        if (_first is not null)
        {
            _first.Previous = connection;
        }

        _first = connection;
        ActiveConnections++;
    }

    public void Remove(ActiveConnection connection)
    {
        if (connection.Previous is { } previous)
        {
            previous.Next = connection.Next;
        }
        else
        {
            _first = connection.Next;
        }

        if (connection.Next is { } next)
        {
            next.Previous = connection.Previous;
        }

        connection.Next = null;
        connection.Previous = null;
        if (--ActiveConnections == 0)
        {
            _whenEmpty?.Invoke();
            _whenEmpty = null;
        }
    }

    private Dictionary<SocketAddress, WorkerListener> MapAddresses()
    {
        var map = new Dictionary<SocketAddress, WorkerListener>();
        foreach (var listener in _listeners.Values)
        {
            foreach (var address in listener.Current.Config.AdditionalAddresses.Prepend(listener.Current.Config.Address).OfType<SocketAddress>())
            {
                // Two listeners may have one address if one of them does not bind it; that one is there to be handed connections.
                if (!map.ContainsKey(address) || !listener.Current.Config.BindToPort)
                {
                    map[address] = listener;
                }
            }
        }

        return map;
    }

    private void Refuse(AcceptedSocket accepted)
    {
        accepted.Balancer?.Release(Index);
        accepted.Ops.Close(accepted.Socket);
    }

    /// <summary>Calls back with each connection; the callback may end it, or others.</summary>
    private void ForEach(Action<ActiveConnection> action)
    {
        var all = new List<ActiveConnection>(ActiveConnections);
        for (var connection = _first; connection is not null; connection = connection.Next)
        {
            all.Add(connection);
        }

        foreach (var connection in all)
        {
            action(connection);
        }
    }
}
