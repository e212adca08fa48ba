using System.Diagnostics;

namespace MeshProxy.Core.Event;

/// <summary>Who handles which socket, by the socket's handle. Each registration has a number of its own, so that an event of an earlier one is found out.</summary>
internal struct SocketRegistrations()
{
    private Registration[] _table = new Registration[64];
    private uint _generation;

    private struct Registration
    {
        public ISocketHandler? Handler;
        public uint Generation;
    }

    public int Count { get; private set; }

    public uint NextGeneration() => ++_generation;

    public void Add(int socket, uint generation, ISocketHandler handler)
    {
        if (socket >= _table.Length)
        {
            Array.Resize(ref _table, Math.Max(socket + 1, _table.Length * 2));
        }

        Debug.Assert(_table[socket].Handler is null, "the socket is registered");
        _table[socket] = new Registration { Handler = handler, Generation = generation };
        Count++;
    }

    /// <summary>False if the socket is not registered.</summary>
    public bool Remove(int socket)
    {
        if ((uint)socket >= (uint)_table.Length || _table[socket].Handler is null)
        {
            return false;
        }

        _table[socket].Handler = null;
        Count--;
        return true;
    }

    /// <summary>The handler for an event, or null if its registration has ended.</summary>
    public readonly ISocketHandler? Find(int socket, uint generation)
    {
        var table = _table;
        if ((uint)socket >= (uint)table.Length)
        {
            return null;
        }

        ref var registration = ref table[socket];
        return registration.Generation == generation ? registration.Handler : null;
    }
}
