using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>Edges of simulated sockets, delivered in an order that the seed gives. Never blocks.</summary>
internal sealed class SimulatedPoller(SimulatedNetwork network) : IPoller
{
    private readonly Dictionary<int, (uint Generation, PollMode Mode)> _watched = [];
    private readonly List<int> _order = [];
    private readonly List<SimulatedSocket> _edges = [];

    public bool NeedsRearm => false;

    public bool CloseRemoves => true;

    /// <summary>Whether the next wait would report something.</summary>
    public bool HasEvents => _edges.Count > 0 || _order.Any(IsAcceptable);

    public void Add(int socket, uint generation, PollMode mode)
    {
        _watched.Add(socket, (generation, mode));
        _order.Add(socket);
        var watched = network.Get(socket);
        watched.Pollers.Add(this);
        if (mode == PollMode.Edge && network.ReadinessOf(watched) != Readiness.None)
        {
            Edge(watched);
        }
    }

    public void Remove(int socket)
    {
        _watched.Remove(socket);
        _order.Remove(socket);
        _edges.RemoveAll(s => s.Handle == socket);
        network.Get(socket).Pollers.Remove(this);
    }

    public void Rearm(int socket, Readiness interest)
    {
    }

    public int Wait(Span<PollEvent> events, int timeoutMs)
    {
        AddSpuriousEdges();
        var count = 0;
        while (_edges.Count > 0 && count < events.Length)
        {
            var index = network.Random.Next(_edges.Count);
            var socket = _edges[index];
            _edges.RemoveAt(index);
            events[count++] = Report(socket, network.ReadinessOf(socket));
        }

        foreach (var listener in _order)
        {
            if (count < events.Length && IsAcceptable(listener))
            {
                events[count++] = Report(network.Get(listener), Readiness.Readable);
            }
        }

        return count;
    }

    public void Wake()
    {
    }

    public void Dispose()
    {
    }

    internal void Edge(SimulatedSocket socket)
    {
        if (_watched.TryGetValue(socket.Handle, out var watched) && watched.Mode == PollMode.Edge && !_edges.Contains(socket))
        {
            _edges.Add(socket);
        }
    }

    private bool IsAcceptable(int socket) => _watched[socket].Mode != PollMode.Edge && network.Get(socket).AcceptQueue is { Count: > 0 };

    private void AddSpuriousEdges()
    {
        // Only along with real ones: an idle network stays idle.
        if (network.Options.SpuriousEventProbability == 0 || _edges.Count == 0)
        {
            return;
        }

        foreach (var handle in _order)
        {
            if (network.Chance(network.Options.SpuriousEventProbability))
            {
                Edge(network.Get(handle));
            }
        }
    }

    private PollEvent Report(SimulatedSocket socket, Readiness readiness)
    {
        network.Record(socket.Handle, (int)readiness);
        return new PollEvent { Socket = socket.Handle, Generation = _watched[socket.Handle].Generation, Readiness = readiness };
    }
}
