using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>A scripted end of a simulated connection, without a loop: what arrives is collected, what is sent goes out.</summary>
internal sealed class SimulatedPeer
{
    private readonly SimulatedNetwork _network;
    private readonly SimulatedSocket _socket;
    private readonly MemoryStream _received = new();
    private readonly ByteQueue _unsent = new();
    private readonly byte[] _block = new byte[65_536];
    private bool _finWanted;

    internal SimulatedPeer(SimulatedNetwork network, SimulatedSocket socket)
    {
        _network = network;
        _socket = socket;
        socket.Changed = OnChanged;
        OnChanged();
    }

    public bool IsConnected => _socket.IsConnected && !_socket.WasReset;

    /// <summary>The other side has sent FIN, and everything before it was read.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>The connection was reset or refused.</summary>
    public bool IsReset => _socket.WasReset || _socket.Error != SocketStatus.Ok;

    public NetworkAddress? LocalAddress => _socket.LocalAddress;

    /// <summary>Leaves arriving bytes in the socket, so that the window closes. Setting it to false reads on.</summary>
    public bool IsReadPaused
    {
        get;
        set
        {
            field = value;
            OnChanged();
        }
    }

    /// <summary>All bytes that have arrived.</summary>
    public byte[] Received => _received.ToArray();

    public string ReceivedText => Encoding.Latin1.GetString(_received.GetBuffer(), 0, (int)_received.Length);

    /// <summary>Bytes that the network has not taken yet, because the other side does not read.</summary>
    public int UnsentBytes => _unsent.Count + _socket.Outgoing.Count;

    /// <summary>Takes what has arrived so far and forgets it.</summary>
    public byte[] TakeReceived()
    {
        var bytes = Received;
        _received.SetLength(0);
        return bytes;
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        _unsent.Enqueue(bytes);
        Flush();
    }

    /// <summary>Sends text as Latin-1.</summary>
    public void Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    /// <summary>Sends FIN after what was sent before.</summary>
    public void ShutdownSend()
    {
        _finWanted = true;
        Flush();
    }

    public void Close()
    {
        if (!_socket.IsClosed)
        {
            _socket.Changed = null;
            _network.Close(_socket);
        }
    }

    /// <summary>Closes with RST.</summary>
    public void Reset()
    {
        _socket.ResetOnClose = true;
        Close();
    }

    private void OnChanged()
    {
        Flush();
        while (!IsReadPaused && _socket.IsConnected && !_socket.IsClosed && !IsEnded)
        {
            var count = _network.Receive(_socket, _block, out var status);
            if (count <= 0)
            {
                IsEnded = status == SocketStatus.Ok;
                return;
            }

            _received.Write(_block, 0, count);
        }
    }

    private void Flush()
    {
        while (_unsent.Count > 0 && IsConnected && !_socket.IsClosed)
        {
            var room = Math.Min(_unsent.Count, _network.Options.SendBufferBytes - _socket.Outgoing.Count);
            if (room <= 0)
            {
                _socket.IsWriteBlocked = true;
                return;
            }

            var sent = _network.SendScripted(_socket, _unsent.Dequeue(room));
            if (!sent)
            {
                return;
            }
        }

        if (_finWanted && _unsent.Count == 0 && IsConnected && !_socket.FinSent && !_socket.IsClosed)
        {
            _network.ShutdownSend(_socket);
        }
    }
}

/// <summary>A scripted listener: collects the connections that are made to its address.</summary>
internal sealed class SimulatedListener
{
    private readonly SimulatedNetwork _network;
    private readonly SimulatedSocket _socket;

    internal SimulatedListener(SimulatedNetwork network, SimulatedSocket socket)
    {
        _network = network;
        _socket = socket;
        socket.Changed = OnChanged;
    }

    public NetworkAddress Address => _socket.LocalAddress!;

    /// <summary>Every connection so far, in the order of arrival.</summary>
    public List<SimulatedPeer> Connections { get; } = [];

    /// <summary>Runs for each new connection.</summary>
    public Action<SimulatedPeer>? Accepted { get; set; }

    public void Close() => _network.Close(_socket);

    private void OnChanged()
    {
        while (_socket.AcceptQueue!.TryDequeue(out var accepted))
        {
            var peer = new SimulatedPeer(_network, accepted);
            Connections.Add(peer);
            Accepted?.Invoke(peer);
        }
    }
}
