using System.Diagnostics.CodeAnalysis;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.TestSupport.Simulation;
using MeshProxy.TestSupport.Tls;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

/// <summary>
/// A server's and a client's TLS in one simulation, and the test between them: it carries the bytes from one to the other, and may hold
/// back, cut or change them.
/// </summary>
internal sealed class TlsPair
{
    private readonly SimulatedNetwork _network;
    private readonly ITransportSocketFactory _serverFactory;
    private ITransportSocketFactory _clientFactory;
    private readonly SimulatedListener[] _listeners;

    public TlsPair(DownstreamTlsContextConfig server, UpstreamTlsContextConfig client, SimulatedNetworkOptions? options = null, TransportSocketOptions? clientOptions = null)
    {
        _network = new SimulatedNetwork(options);
        Loop = _network.CreateLoop();
        Stats = new StatsStore(1);
        _serverFactory = TlsTransportSockets.Downstream(server, Context("server"));
        _clientFactory = TlsTransportSockets.Upstream(client, Context("client"));
        _listeners = [_network.ListenPeer(NetworkAddress.Loopback(1)), _network.ListenPeer(NetworkAddress.Loopback(2))];
        Connect(clientOptions);
    }

    public SimulatedLoop Loop { get; }

    public StatsStore Stats { get; }

    public ITransportSocketFactory ServerFactory => _serverFactory;

    public End Server { get; private set; }

    public End Client { get; private set; }

    public long Counter(string name) => (Stats.Find(name) as CellStat)?.Value ?? 0;

    /// <summary>Another connection between the two, in the place of the one before.</summary>
    [MemberNotNull(nameof(Server), nameof(Client))]
    public void Connect(TransportSocketOptions? clientOptions = null)
    {
        Server = new End(this, 1, connection => _serverFactory.Create(connection, null));
        Client = new End(this, 2, connection => _clientFactory.Create(connection, clientOptions));
    }

    /// <summary>Another cluster connects to the same server.</summary>
    public void UseClient(UpstreamTlsContextConfig client)
    {
        _clientFactory = TlsTransportSockets.Upstream(client, Context("client2"));
        Connect();
    }

    /// <summary>Shakes hands on both ends.</summary>
    public (IoResult Server, IoResult Client) Handshake()
    {
        var server = Server.HandshakeAsync();
        var client = Client.HandshakeAsync();
        Carry();
        return (server.IsCompleted ? server.Result : new IoResult(IoStatus.Aborted), client.IsCompleted ? client.Result : new IoResult(IoStatus.Aborted));
    }

    /// <summary>Carries bytes between the ends until none come.</summary>
    public void Carry()
    {
        do
        {
            _network.RunUntilIdle();
        }
        while (Client.Wire.CarryTo(Server.Wire) | Server.Wire.CarryTo(Client.Wire));
    }

    private TransportSocketFactoryContext Context(string scope) =>
        new() { Stats = Stats.Root.Scope(scope), LoggerFactory = NullLoggerFactory.Instance, TlsImplementation = TestTls.Implementation };

    /// <summary>One side.</summary>
    internal sealed class End
    {
        private readonly TlsPair _pair;

        public End(TlsPair pair, int port, Func<Connection, ITransportSocket> create)
        {
            _pair = pair;
            var address = NetworkAddress.Loopback(port);
            pair.Loop.Loop.Sockets.Create(address, out var socket);
            Connection = new Connection(pair.Loop.Loop, pair.Loop.Loop.Sockets, socket, null, address, ConnectionOptions.Default);
            _ = pair.Loop.Run(() => Connection.ConnectAsync(address).AsTask());
            pair._network.RunUntilIdle();
            Wire = new Wire(pair._listeners[port - 1].Connections[^1]);
            Connection.Transport = create(Connection);
            Into = new IoBuffer(pair.Loop.Loop.Slabs);
        }

        public Connection Connection { get; }

        public Wire Wire { get; }

        public IoBuffer Into { get; }

        public string Text => Encoding.Latin1.GetString(Into.ToArray());

        public ITransportSocket Socket => Connection.Transport!;

        public Task<IoResult> HandshakeAsync() => _pair.Loop.Run(() => Socket.HandshakeAsync().AsTask());

        public Task<IoResult> ReadAsync() => _pair.Loop.Run(() => Connection.ReadAsync(Into).AsTask());

        /// <summary>A read that is over once the bytes were carried.</summary>
        public IoResult Read()
        {
            var read = ReadAsync();
            _pair.Carry();
            read.IsCompleted.ShouldBeTrue("the read waits");
            return read.Result;
        }

        public Task<IoResult> WriteAsync(string text, bool endStream = false) => WriteAsync(Encoding.Latin1.GetBytes(text), endStream);

        public Task<IoResult> WriteAsync(byte[] bytes, bool endStream = false) => _pair.Loop.Run(() =>
        {
            var data = new IoBuffer(_pair.Loop.Loop.Slabs);
            data.Append(bytes);
            return Connection.WriteAsync(data, endStream).AsTask();
        });

        public void Close(CloseType how) => _pair.Loop.Run(() => Connection.Close(how));
    }

    /// <summary>The far end of a side's socket.</summary>
    internal sealed class Wire(SimulatedPeer peer)
    {
        public SimulatedPeer Peer => peer;

        /// <summary>Bytes of this side to drop from the end of what is carried, once.</summary>
        public int Cut { get; set; }

        public bool FinCarried { get; private set; }

        public bool CarryTo(Wire other)
        {
            var bytes = peer.TakeReceived();
            if (bytes.Length > 0 && Cut > 0)
            {
                bytes = bytes[..Math.Max(0, bytes.Length - Cut)];
                Cut = 0;
            }

            if (bytes.Length > 0)
            {
                other.Peer.Send(bytes);
                return true;
            }

            if (peer.IsEnded && !FinCarried)
            {
                FinCarried = true;
                other.Peer.ShutdownSend();
                return true;
            }

            return false;
        }
    }
}
