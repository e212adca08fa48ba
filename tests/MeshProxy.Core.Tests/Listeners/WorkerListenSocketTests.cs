using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Tests.Event;
using MeshProxy.TestSupport.Simulation;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Tests.Listeners;

public sealed class WorkerListenSocketTests
{
    private const int ListenSocket = 5;

    private readonly VirtualClock _clock = new();
    private readonly ManualLoop.ScriptedPoller _poller = new();
    private readonly ScriptedAccepts _ops = new();
    private readonly EventLoop _loop;
    private readonly ConnectionHandler _handler;
    private readonly ListenerStats _stats;
    private readonly WorkerListenSocket _socket;

    public WorkerListenSocketTests()
    {
        _loop = new EventLoop(new EventLoopOptions { Index = 0, Name = "test", Poller = _poller, Sockets = _ops, Clock = _clock });
        _handler = new ConnectionHandler(_loop, NullLogger.Instance);

        // A chain without filters: each connection is closed as soon as it is there.
        var config = new ListenerConfig { Name = "main", Address = NetworkAddress.Loopback(80), FilterChains = [new FilterChainConfig()] };
        _stats = new ListenerStats(new StatsStore(1), config);
        var chain = new FilterChain(config.FilterChains[0], 1);
        var target = _handler.SetListener(new Listener
        {
            Config = config,
            Stats = _stats,
            Chains = [chain],
            Matcher = new FilterChainMatcher<FilterChain>(config.FilterChains, [chain], null),
            ListenerFilters = [],
            ConnectionOptions = ConnectionOptions.Default,
            Limiter = new ConnectionLimiter(),
            AccessLogs = [],
        });
        _socket = new WorkerListenSocket(_handler, _ops, ListenSocket, config.Address, PollMode.Level, handsOver: false);
        _socket.SetTarget(target);
    }

    private void Ready()
    {
        // The generation of the only registration that the loop has made or renewed.
        _poller.Next.Enqueue(new PollEvent { Socket = ListenSocket, Generation = _ops.Registrations, Readiness = Readiness.Readable });
        _loop.RunTurn(0);
    }

    [Fact]
    public void Accept_WithManyWaiting_TakesAtMost64ATurn()
    {
        _ops.Waiting = 100;
        Ready();
        _stats.ConnectionsTotal.Value.ShouldBe(64);
        Ready();
        _stats.ConnectionsTotal.Value.ShouldBe(100);
    }

    [Fact]
    public void Accept_WithoutFileDescriptors_RestsFor100Ms()
    {
        _ops.Waiting = 3;
        _ops.OutOfFiles = true;
        Ready();
        _loop.RegisteredSockets.ShouldBe(0);
        _loop.ArmedTimers.ShouldBe(1);

        _ops.OutOfFiles = false;
        Advance(99);
        _loop.RegisteredSockets.ShouldBe(0);
        Advance(1);
        _loop.RegisteredSockets.ShouldBe(1);
        Ready();
        _stats.ConnectionsTotal.Value.ShouldBe(3);
        _loop.ArmedTimers.ShouldBe(0);
    }

    [Fact]
    public void Accept_OfAConnectionThatHasGone_GoesOnWithTheNext()
    {
        _ops.Waiting = 2;
        _ops.Aborted = 1;
        Ready();
        _stats.ConnectionsTotal.Value.ShouldBe(2);
    }

    [Fact]
    public void Stop_WithConnectionsQueued_AcceptsThemFirst()
    {
        _ops.Waiting = 100;
        _loop.RunCallback(_ => _socket.Stop(), null);
        _stats.ConnectionsTotal.Value.ShouldBe(100);
        _loop.RegisteredSockets.ShouldBe(0);
    }

    [Fact]
    public void Stop_WhileAcceptingRests_DoesNotResume()
    {
        _ops.OutOfFiles = true;
        Ready();
        _loop.RunCallback(_ => _socket.Stop(), null);
        _loop.ArmedTimers.ShouldBe(0);
        Advance(1000);
        _loop.RegisteredSockets.ShouldBe(0);
    }

    private void Advance(long ms)
    {
        _clock.AdvanceUs(ms * 1000);
        _loop.RunTurn(0);
    }

    /// <summary>A listen socket with a number of connections waiting. Accepted ones are never read.</summary>
    private sealed class ScriptedAccepts : ISocketOps
    {
        private int _next = 10;

        public int Waiting { get; set; }

        public int Aborted { get; set; }

        public bool OutOfFiles { get; set; }

        public uint Registrations { get; private set; }

        public bool ShortReadMeansDrained => true;

        public void Register(EventLoop loop, int socket, ISocketHandler handler, PollMode mode) => Registrations = loop.Register(socket, handler, mode);

        public SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer)
        {
            socket = -1;
            peer = NetworkAddress.Loopback(1000);
            if (OutOfFiles)
            {
                return SocketStatus.TooManyFiles;
            }

            if (Aborted > 0)
            {
                Aborted--;
                return SocketStatus.ConnectionAborted;
            }

            if (Waiting == 0)
            {
                return SocketStatus.WouldBlock;
            }

            Waiting--;
            socket = _next++;
            return SocketStatus.Ok;
        }

        public SocketStatus SetOption(int socket, SocketOption option, int value) => SocketStatus.Ok;

        public void Close(int socket)
        {
        }

        public SocketStatus Create(NetworkAddress family, out int socket) => throw new NotSupportedException();

        public SocketStatus Bind(int socket, NetworkAddress address) => throw new NotSupportedException();

        public SocketStatus Listen(int socket, int backlog) => throw new NotSupportedException();

        public SocketStatus Connect(int socket, NetworkAddress address) => throw new NotSupportedException();

        public SocketStatus GetError(int socket) => throw new NotSupportedException();

        public NetworkAddress? GetLocalAddress(int socket) => throw new NotSupportedException();

        public int Receive(int socket, Span<byte> into, out SocketStatus status) => throw new NotSupportedException();

        public int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status) => throw new NotSupportedException();

        public int SendVector(int socket, IoBuffer data, out SocketStatus status) => throw new NotSupportedException();

        public SocketStatus ShutdownSend(int socket) => throw new NotSupportedException();
    }
}
