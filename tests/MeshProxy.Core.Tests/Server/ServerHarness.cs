using System.Net;
using System.Net.Sockets;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using MeshProxy.TestSupport;
using MeshProxy.TestSupport.Tls;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Tests.Server;

/// <summary>A real server on port 0 with filters that a test brings; stopped at the test's end, when nothing may be left on its workers.</summary>
internal sealed class ServerHarness : IAsyncDisposable
{
    public static readonly TimeSpan Patience = Waiting.Patience;

    private static int s_ownLoopbacks;

    private readonly ExtensionRegistries _registries = BuiltInExtensions.CreateRegistries();

    public ServerHarness(EventLoopKind kind, int concurrency = 2)
    {
        Options = new MeshProxyOptions { EventLoop = kind, Concurrency = concurrency, TlsImplementation = TestTls.Implementation };
        Terminal("echo", static () => new EchoFilter(""));
    }

    public MeshProxyOptions Options { get; }

    public MeshProxyServer Server { get; private set; } = null!;

    /// <summary>Registers a terminal filter without config.</summary>
    public ServerHarness Terminal(string name, Func<ITerminalFilter> create)
    {
        _registries.Get<NetworkFilterRegistry>().Add(name, _ => new DelegateNetworkFilterFactory(_ => create(), isTerminal: true), isTerminal: true);
        return this;
    }

    public ServerHarness Terminal(string name, Func<NetworkFilterFactoryContext, ITerminalFilter> create)
    {
        _registries.Get<NetworkFilterRegistry>().Add(
            name, context => new DelegateNetworkFilterFactory(_ => create(context), isTerminal: true), isTerminal: true);
        return this;
    }

    public ServerHarness ListenerFilter(string name, Func<IListenerFilter> create)
    {
        _registries.Get<ListenerFilterRegistry>().Add(name, _ => new DelegateListenerFilterFactory(_ => create()));
        return this;
    }

    public static ListenerConfig Listener(string name = "main", string filter = "echo", string address = "127.0.0.1:0") => new()
    {
        Name = name,
        Address = NetworkAddress.Parse(address),
        StatPrefix = name,
        FilterChains = [Chain(filter)],
    };

    public static FilterChainConfig Chain(string filter, FilterChainMatchConfig? match = null) => new()
    {
        Filters = [new ExtensionConfig(filter)],
        FilterChainMatch = match ?? FilterChainMatchConfig.Any,
    };

    /// <summary>Port 0 of a loopback address that no other test binds or connects from, for a test that cares who has the port when it has let it go.</summary>
    public static string OwnLoopback()
    {
        var n = Interlocked.Increment(ref s_ownLoopbacks);
        return OperatingSystem.IsLinux() ? $"127.77.{n / 250}.{1 + (n % 250)}:0" : "127.0.0.1:0"; // elsewhere there is only the one
    }

    public MeshProxyServer Create(params ListenerConfig[] listeners) =>
        Server = new MeshProxyServer(Options, new ServerConfig { Listeners = listeners }, _registries);

    public async Task<ServerHarness> StartAsync(params ListenerConfig[] listeners)
    {
        await Create(listeners).StartAsync().WaitAsync(Patience);
        return this;
    }

    public Task UpdateAsync(params ListenerConfig[] listeners) =>
        Server.UpdateAsync(new ServerConfig { Listeners = listeners }).WaitAsync(Patience);

    public async Task<Client> ConnectAsync(string listener = "main") => await Client.ConnectAsync(Server.GetListenerAddress(listener));

    public long Counter(string name) => (Server.Stats.Find(name) as CellStat)?.Value ?? throw new ArgumentException($"no stat {name}");

    /// <summary>Waits until a condition on the server holds.</summary>
    public static Task EventuallyAsync(Func<bool> condition, string what) => Waiting.EventuallyAsync(condition, () => what);

    public Task StatIsAsync(string name, long value) => Waiting.EventuallyAsync(
        () => (Server.Stats.Find(name) as CellStat)?.Value == value, () => $"{name} is {(Server.Stats.Find(name) as CellStat)?.Value}, not {value}");

    /// <summary>Waits until nothing is left of the connections.</summary>
    public async Task NothingIsLeftAsync()
    {
        ServerDiagnostics? left = null;
        await Waiting.EventuallyAsync(
            async () => (left = await Server.GetDiagnosticsAsync()) is { ActiveConnections: 0, ArmedTimers: 0, SlabsInUse: 0 }, () => $"left behind: {left}");
    }

    public async ValueTask DisposeAsync() => await Server.DisposeAsync().AsTask().WaitAsync(Patience);
}

/// <summary>Greets, then sends back what arrives.</summary>
internal sealed class EchoFilter(string greeting) : ITerminalFilter
{
    private INetworkFilterCallbacks _callbacks = null!;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public async ValueTask RunAsync()
    {
        var data = new IoBuffer(_callbacks.Loop.Slabs);
        if (greeting.Length > 0)
        {
            data.Append(Encoding.UTF8.GetBytes(greeting));
            await _callbacks.WriteAsync(data, endStream: false);
        }

        while ((await _callbacks.ReadAsync(data)).IsOk)
        {
            await _callbacks.WriteAsync(data, endStream: false);
        }

        data.Clear();
    }
}

/// <summary>A plain client.</summary>
internal sealed class Client : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];

    private Client(Socket socket) => Socket = socket;

    public Socket Socket { get; }

    public static async Task<Client> ConnectAsync(NetworkAddress address)
    {
        EndPoint endpoint = address switch
        {
            SocketAddress ip => new IPEndPoint(
                ip.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : ip.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : ip.Address, ip.Port),
            UnixSocketAddress { IsAbstract: true } unix => new UnixDomainSocketEndPoint("\0" + unix.Path[1..]),
            UnixSocketAddress unix => new UnixDomainSocketEndPoint(unix.Path),
            _ => throw new ArgumentException(address.ToString()),
        };
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(endpoint).WaitAsync(ServerHarness.Patience);
        return new Client(socket);
    }

    public async Task SendAsync(string text) => await Socket.SendAsync(Encoding.UTF8.GetBytes(text)).WaitAsync(ServerHarness.Patience);

    /// <summary>Receives exactly this many bytes.</summary>
    public async Task<string> ReceiveAsync(int count)
    {
        var received = 0;
        while (received < count)
        {
            var n = await Socket.ReceiveAsync(_buffer.AsMemory(received, count - received)).AsTask().WaitAsync(ServerHarness.Patience);
            if (n == 0)
            {
                break;
            }

            received += n;
        }

        return Encoding.UTF8.GetString(_buffer, 0, received);
    }

    public async Task<string> EchoAsync(string text)
    {
        await SendAsync(text);
        return await ReceiveAsync(text.Length);
    }

    /// <summary>Whether the server closes, by FIN or RST.</summary>
    public async Task ShouldBeClosedAsync()
    {
        try
        {
            (await Socket.ReceiveAsync(_buffer).WaitAsync(ServerHarness.Patience)).ShouldBe(0);
        }
        catch (SocketException exception)
        {
            exception.SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
        }
    }

    public void Dispose() => Socket.Dispose();
}
