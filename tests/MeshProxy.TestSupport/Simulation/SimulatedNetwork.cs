using System.Net;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>
/// Loops, sockets and time in memory: several real <see cref="EventLoop"/>s over one simulated network, run in an order that
/// the seed gives, under virtual time. A run with the same seed and the same calls takes the same steps.
/// </summary>
/// <remarks>Single-threaded: the test's thread drives all loops.</remarks>
internal sealed partial class SimulatedNetwork
{
    private const int MaxStepsAtOneTime = 20_000_000;
    private const int FirstEphemeralPort = 40_000;

    private readonly List<SimulatedLoop> _loops = [];
    private readonly List<SimulatedSocket> _sockets = [];
    private readonly Dictionary<NetworkAddress, List<SimulatedSocket>> _bound = [];
    private readonly Dictionary<NetworkAddress, ConnectRule> _rules = [];
    private readonly PriorityQueue<Action, (long AtUs, long Sequence)> _scheduled = new();
    private int _nextPort = FirstEphemeralPort;
    private long _sequence;

    public SimulatedNetwork(SimulatedNetworkOptions? options = null)
    {
        Options = options ?? new SimulatedNetworkOptions();
        Random = new Random(Options.Seed);
    }

    private enum ConnectRule
    {
        Refuse,
        Ignore,
    }

    public SimulatedNetworkOptions Options { get; }

    public VirtualClock Clock { get; } = new();

    /// <summary>A hash of every event and transfer so far: equal for equal runs.</summary>
    public ulong Fingerprint { get; private set; } = 14695981039346656037;

    /// <summary>Sockets that somebody has open.</summary>
    public int OpenSockets => _sockets.Count(s => !s.IsClosed);

    internal Random Random { get; }

    public SimulatedLoop CreateLoop(int index = 0)
    {
        var loop = new SimulatedLoop(this, index);
        _loops.Add(loop);
        return loop;
    }

    /// <summary>Lets connects to an address fail with ConnectionRefused although somebody listens.</summary>
    public void RefuseConnects(NetworkAddress address) => _rules[address] = ConnectRule.Refuse;

    /// <summary>Lets connects to an address go unanswered.</summary>
    public void IgnoreConnects(NetworkAddress address) => _rules[address] = ConnectRule.Ignore;

    /// <summary>Undoes <see cref="RefuseConnects"/> and <see cref="IgnoreConnects"/>.</summary>
    public void AllowConnects(NetworkAddress address) => _rules.Remove(address);

    /// <summary>Resets every connection to an address, on both ends.</summary>
    public void ResetConnections(NetworkAddress address)
    {
        foreach (var socket in _sockets.Where(s => s is { IsClosed: false, IsConnected: true } && address.Equals(s.PeerAddress)).ToArray())
        {
            DeliverReset(socket);
            DeliverReset(socket.Peer!);
        }
    }

    /// <summary>Runs loops and network until nothing is left to do at the present time.</summary>
    public void RunUntilIdle()
    {
        var ready = new List<SimulatedLoop>();
        for (var step = 0; ; step++)
        {
            if (step > MaxStepsAtOneTime)
            {
                throw new InvalidOperationException("the simulation does not come to rest");
            }

            ready.Clear();
            ready.AddRange(_loops.Where(l => l.HasWork));
            var isNetworkReady = _scheduled.TryPeek(out _, out var next) && next.AtUs <= Clock.NowUs;
            var choices = ready.Count + (isNetworkReady ? 1 : 0);
            if (choices == 0)
            {
                return;
            }

            var choice = Random.Next(choices);
            if (choice < ready.Count)
            {
                ready[choice].Loop.RunTurn(0);
            }
            else
            {
                _scheduled.Dequeue()();
            }
        }
    }

    /// <summary>Moves the time on, stopping at each timer and each arrival on the way, until nothing is left to do.</summary>
    public void Advance(TimeSpan time)
    {
        var targetUs = Clock.NowUs + (long)time.TotalMicroseconds;
        RunUntilIdle();
        while (AdvanceToNext(targetUs))
        {
        }

        Clock.AdvanceToUs(targetUs);
        foreach (var loop in _loops)
        {
            // So that a timer which the test arms next counts from now.
            loop.Loop.RunTurn(0);
        }

        RunUntilIdle();
    }

    /// <summary>A scripted client. The connection is made when the simulation runs next.</summary>
    /// <exception cref="InvalidOperationException">Nobody listens on the Unix path.</exception>
    public SimulatedPeer ConnectPeer(NetworkAddress address)
    {
        var socket = Create(address);
        var status = Connect(socket, address);
        return status is SocketStatus.Ok or SocketStatus.InProgress
            ? new SimulatedPeer(this, socket)
            : throw new InvalidOperationException($"connect to {address}: {status}");
    }

    /// <summary>A scripted server.</summary>
    /// <exception cref="InvalidOperationException">The address is taken.</exception>
    public SimulatedListener ListenPeer(NetworkAddress address)
    {
        var socket = Create(address);
        var status = Bind(socket, address);
        if (status != SocketStatus.Ok)
        {
            throw new InvalidOperationException($"bind {address}: {status}");
        }

        Listen(socket, int.MaxValue - 1);
        return new SimulatedListener(this, socket);
    }

    /// <summary>Moves the time to the next timer or arrival, and runs it. False if there is none up to <paramref name="endUs"/>.</summary>
    internal bool AdvanceToNext(long endUs)
    {
        if (NextUs() is not { } nextUs || nextUs > endUs)
        {
            return false;
        }

        Clock.AdvanceToUs(nextUs);
        RunUntilIdle();
        return true;
    }

    internal SimulatedSocket Get(int handle) => _sockets[handle];

    internal bool Chance(double probability) => probability > 0 && Random.NextDouble() < probability;

    internal Readiness ReadinessOf(SimulatedSocket socket) => socket.Readiness(Options.SendBufferBytes);

    internal void Record(int socket, int what) => Fingerprint = ((Fingerprint ^ (uint)socket) * 1099511628211) ^ (uint)what;

    internal SimulatedSocket Create(NetworkAddress family)
    {
        // Handles are not reused, so that a stale one is found out.
        var socket = new SimulatedSocket(_sockets.Count, family);
        _sockets.Add(socket);
        return socket;
    }

    internal SocketStatus Bind(SimulatedSocket socket, NetworkAddress address)
    {
        if (address is SocketAddress { Port: 0 } ip)
        {
            address = new SocketAddress(ip.Address, _nextPort++);
        }

        if (_bound.TryGetValue(address, out var holders))
        {
            if (!holders.Append(socket).All(s => s.Options.GetValueOrDefault(SocketOption.ReusePort) != 0))
            {
                return SocketStatus.AddressInUse;
            }

            holders.Add(socket);
        }
        else
        {
            _bound.Add(address, [socket]);
        }

        socket.LocalAddress = address;
        return SocketStatus.Ok;
    }

    internal void Listen(SimulatedSocket socket, int backlog)
    {
        socket.AcceptQueue = new Queue<SimulatedSocket>();
        socket.Backlog = backlog;
    }

    private void Schedule(TimeSpan after, Action action) =>
        _scheduled.Enqueue(action, (Clock.NowUs + (long)after.TotalMicroseconds, _sequence++));

    private long? NextUs()
    {
        long? next = _scheduled.TryPeek(out _, out var at) ? at.AtUs : null;
        foreach (var loop in _loops)
        {
            if (loop.Loop.Timers.TryGetNextTick(out var tick) && (next is null || tick * 1000 < next))
            {
                next = tick * 1000;
            }
        }

        return next;
    }

    private SimulatedSocket? FindListener(NetworkAddress address)
    {
        var listeners = Listeners(address);
        if (listeners.Count == 0 && address is SocketAddress ip)
        {
            listeners = Listeners(new SocketAddress(IPAddress.Any, ip.Port));
            if (listeners.Count == 0)
            {
                listeners = Listeners(new SocketAddress(IPAddress.IPv6Any, ip.Port));
            }
        }

        return listeners.Count == 0 ? null : listeners[Random.Next(listeners.Count)];
    }

    private List<SimulatedSocket> Listeners(NetworkAddress address) =>
        _bound.TryGetValue(address, out var holders) ? holders.Where(s => s.AcceptQueue is not null).ToList() : [];
}
