using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>One end of a simulated connection, or a simulated listen socket.</summary>
internal sealed class SimulatedSocket(int handle, NetworkAddress family)
{
    public int Handle { get; } = handle;

    /// <summary>An address of the family with which the socket was created.</summary>
    public NetworkAddress Family { get; } = family;

    public NetworkAddress? LocalAddress { get; set; }

    public NetworkAddress? PeerAddress { get; set; }

    public SimulatedSocket? Peer { get; set; }

    /// <summary>Connections that wait to be accepted; null unless the socket listens.</summary>
    public Queue<SimulatedSocket>? AcceptQueue { get; set; }

    public int Backlog { get; set; }

    public bool IsConnected { get; set; }

    public bool IsClosed { get; set; }

    /// <summary>Arrived, not read.</summary>
    public ByteQueue Incoming { get; } = new();

    /// <summary>Sent, not arrived.</summary>
    public ByteQueue Outgoing { get; } = new();

    public bool IsPumpScheduled { get; set; }

    public bool FinSent { get; set; }

    public bool FinDelivered { get; set; }

    public bool FinReceived { get; set; }

    public bool WasReset { get; set; }

    /// <summary>SO_ERROR: read once.</summary>
    public SocketStatus Error { get; set; }

    /// <summary>A send took less than it was given, so the writer waits for an edge.</summary>
    public bool IsWriteBlocked { get; set; }

    public bool ResetOnClose { get; set; }

    public Dictionary<SocketOption, int> Options { get; } = [];

    /// <summary>Who hears of changes: one loop's, several for a shared listen socket, none for a scripted peer.</summary>
    public List<SimulatedPoller> Pollers { get; } = [];

    /// <summary>For scripted peers.</summary>
    public Action? Changed { get; set; }

    public Readiness Readiness(int sendBufferBytes)
    {
        var readiness = Core.Event.Readiness.None;
        if (AcceptQueue is { } queue)
        {
            return queue.Count > 0 ? Core.Event.Readiness.Readable : readiness;
        }

        if (Incoming.Count > 0)
        {
            readiness |= Core.Event.Readiness.Readable;
        }

        if (IsConnected && Outgoing.Count < sendBufferBytes && !IsWriteBlocked)
        {
            readiness |= Core.Event.Readiness.Writable;
        }

        if (FinReceived)
        {
            readiness |= Core.Event.Readiness.Readable | Core.Event.Readiness.ReadClosed;
        }

        // As epoll's HUP: both sides have said FIN.
        if (WasReset || (FinSent && FinReceived) || Error != SocketStatus.Ok)
        {
            readiness |= Core.Event.Readiness.Readable | Core.Event.Readiness.Writable | Core.Event.Readiness.Error;
        }

        return readiness;
    }

    /// <summary>Tells the watcher that something has changed: an edge.</summary>
    public void Notify()
    {
        foreach (var poller in Pollers)
        {
            poller.Edge(this);
        }

        Changed?.Invoke();
    }
}
