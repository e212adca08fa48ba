using System.Net;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>The life of a connection: connect, segments, FIN, RST.</summary>
internal sealed partial class SimulatedNetwork
{
    internal SocketStatus Connect(SimulatedSocket socket, NetworkAddress address)
    {
        socket.PeerAddress = address;
        var rule = _rules.TryGetValue(address, out var found) ? found : (ConnectRule?)null;
        if (address is UnixSocketAddress)
        {
            var listener = FindListener(address);
            if (listener is null || rule is not null)
            {
                return listener is null ? SocketStatus.NotFound : SocketStatus.ConnectionRefused;
            }

            return TryEstablish(socket, listener) ? SocketStatus.Ok : SocketStatus.ConnectionRefused;
        }

        socket.LocalAddress ??= new SocketAddress(((SocketAddress)address).Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback, _nextPort++);
        if (rule != ConnectRule.Ignore)
        {
            Schedule(2 * Options.Latency, () => CompleteConnect(socket, address));
        }

        return SocketStatus.InProgress;
    }

    internal int Receive(SimulatedSocket socket, Span<byte> into, out SocketStatus status)
    {
        status = SocketStatus.Ok;
        if (socket.Incoming.Count > 0)
        {
            var count = Math.Min(into.Length, socket.Incoming.Count);
            socket.Incoming.Dequeue(count).CopyTo(into);
            Record(socket.Handle, count);
            SchedulePump(socket.Peer!);
            return count;
        }

        if (socket.WasReset)
        {
            status = SocketStatus.ConnectionReset;
            return -1;
        }

        if (socket.FinReceived)
        {
            return 0;
        }

        status = SocketStatus.WouldBlock;
        return -1;
    }

    internal int Send(SimulatedSocket socket, ReadOnlySpan<byte> bytes, out SocketStatus status)
    {
        if (socket.WasReset || socket.FinSent || !socket.IsConnected)
        {
            status = socket.WasReset && !socket.FinSent ? SocketStatus.ConnectionReset : SocketStatus.BrokenPipe;
            return -1;
        }

        var room = Math.Max(0, Options.SendBufferBytes - socket.Outgoing.Count);
        if (Chance(Options.SendWouldBlockProbability))
        {
            room = Math.Min(room, Random.Next(bytes.Length));
            Schedule(Options.Latency, () => Unblock(socket));
        }

        var count = Math.Min(room, bytes.Length);
        socket.IsWriteBlocked = count < bytes.Length;
        if (count == 0 && bytes.Length > 0)
        {
            status = SocketStatus.WouldBlock;
            return -1;
        }

        Record(socket.Handle, count);
        socket.Outgoing.Enqueue(bytes[..count]);
        SchedulePump(socket);
        status = SocketStatus.Ok;
        return count;
    }

    /// <summary>A scripted peer's send: nothing is injected into it. False if the connection is gone.</summary>
    internal bool SendScripted(SimulatedSocket socket, ReadOnlySpan<byte> bytes)
    {
        if (socket.WasReset || socket.FinSent || !socket.IsConnected)
        {
            return false;
        }

        socket.Outgoing.Enqueue(bytes);
        SchedulePump(socket);
        return true;
    }

    internal SocketStatus ShutdownSend(SimulatedSocket socket)
    {
        if (!socket.IsConnected || socket.WasReset)
        {
            return SocketStatus.ConnectionReset;
        }

        socket.FinSent = true;
        SchedulePump(socket);
        return SocketStatus.Ok;
    }

    internal void Close(SimulatedSocket socket)
    {
        if (socket.IsClosed)
        {
            throw new InvalidOperationException($"simulated socket {socket.Handle} is closed twice");
        }

        foreach (var poller in socket.Pollers.ToArray())
        {
            poller.Remove(socket.Handle);
        }

        socket.IsClosed = true;
        if (socket.LocalAddress is { } bound && _bound.TryGetValue(bound, out var holders) && holders.Remove(socket) && holders.Count == 0)
        {
            _bound.Remove(bound);
        }

        while (socket.AcceptQueue is { } queue && queue.TryDequeue(out var waiting))
        {
            waiting.ResetOnClose = true;
            Close(waiting);
        }

        if (!socket.IsConnected || socket.WasReset)
        {
            return;
        }

        // As TCP does: who closes without having read everything resets the connection.
        if (socket.ResetOnClose || socket.Incoming.Count > 0)
        {
            var last = Options.BytesArriveWithResets ? socket.Outgoing.Dequeue(socket.Outgoing.Count).ToArray() : [];
            socket.Outgoing.Clear();
            Schedule(Options.Latency, () => DeliverReset(socket.Peer!, last));
        }
        else
        {
            socket.FinSent = true;
            SchedulePump(socket);
        }
    }

    private void CompleteConnect(SimulatedSocket socket, NetworkAddress address)
    {
        if (socket.IsClosed)
        {
            return;
        }

        var isRefused = _rules.TryGetValue(address, out var rule) && rule == ConnectRule.Refuse;
        if (isRefused || FindListener(address) is not { } listener || !TryEstablish(socket, listener))
        {
            socket.Error = SocketStatus.ConnectionRefused;
        }

        socket.Notify();
    }

    private bool TryEstablish(SimulatedSocket client, SimulatedSocket listener)
    {
        if (listener.AcceptQueue!.Count > listener.Backlog)
        {
            return false;
        }

        var server = Create(listener.Family);
        server.LocalAddress = client.PeerAddress;
        server.PeerAddress = client.LocalAddress;
        server.Peer = client;
        client.Peer = server;
        server.IsConnected = true;
        client.IsConnected = true;
        listener.AcceptQueue.Enqueue(server);
        listener.Changed?.Invoke();
        return true;
    }

    private void SchedulePump(SimulatedSocket from)
    {
        if (!from.IsPumpScheduled && from.Peer is not null && (from.Outgoing.Count > 0 || (from.FinSent && !from.FinDelivered)))
        {
            from.IsPumpScheduled = true;
            Schedule(Options.Latency, () => Pump(from));
        }
    }

    /// <summary>One segment arrives, or the FIN after the last of them.</summary>
    private void Pump(SimulatedSocket from)
    {
        from.IsPumpScheduled = false;
        var to = from.Peer!;
        if (from.WasReset || to.WasReset)
        {
            return;
        }

        if (from.Outgoing.Count == 0)
        {
            DeliverFin(from, to);
            return;
        }

        if (to.IsClosed || Chance(Options.ResetProbability))
        {
            DeliverReset(from);
            DeliverReset(to);
            return;
        }

        var count = Math.Min(from.Outgoing.Count, Options.ReceiveBufferBytes - to.Incoming.Count);
        if (count <= 0)
        {
            // The window is closed: reading schedules the next pump.
            return;
        }

        if (Options.ByteByByte)
        {
            count = 1;
        }
        else if (Options.TearSegments)
        {
            count = 1 + Random.Next(count);
        }

        to.Incoming.Enqueue(from.Outgoing.Dequeue(count));
        Record(to.Handle, -count);
        to.Notify();
        if (from.IsWriteBlocked)
        {
            Unblock(from);
        }

        SchedulePump(from);
    }

    private static void DeliverFin(SimulatedSocket from, SimulatedSocket to)
    {
        if (from.FinSent && !from.FinDelivered)
        {
            from.FinDelivered = true;
            to.FinReceived = true;
            if (!to.IsClosed)
            {
                to.Notify();
            }
        }
    }

    private void DeliverReset(SimulatedSocket to, byte[]? last = null)
    {
        if (to.WasReset)
        {
            return;
        }

        if (last is { Length: > 0 } && !to.IsClosed)
        {
            to.Incoming.Enqueue(last.AsSpan(0, Math.Min(last.Length, Options.ReceiveBufferBytes - to.Incoming.Count)));
        }

        to.WasReset = true;
        to.Error = SocketStatus.ConnectionReset;
        to.Outgoing.Clear();
        Record(to.Handle, int.MinValue);
        if (!to.IsClosed)
        {
            to.Notify();
        }
    }

    private void Unblock(SimulatedSocket socket)
    {
        if (socket is { IsWriteBlocked: true, IsClosed: false } && socket.Outgoing.Count < Options.SendBufferBytes)
        {
            socket.IsWriteBlocked = false;
            socket.Notify();
        }
    }
}
