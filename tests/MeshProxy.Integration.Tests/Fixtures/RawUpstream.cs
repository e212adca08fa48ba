using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>An upstream that a test plays byte for byte: by hand, or by a script for each connection.</summary>
internal sealed class RawUpstream : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Channel<RawConnection> _accepted = Channel.CreateUnbounded<RawConnection>();
    private readonly List<RawConnection> _connections = [];
    private readonly Func<RawConnection, Task>? _script;
    private readonly Task _accepting;

    /// <param name="script">Runs for each connection, which is closed when it returns; null to accept by hand.</param>
    /// <param name="receiveBuffer">SO_RCVBUF of its connections; null for the system's.</param>
    public RawUpstream(Func<RawConnection, Task>? script = null, int? receiveBuffer = null)
    {
        _script = script;
        if (receiveBuffer is { } size)
        {
            _listener.ReceiveBufferSize = size;
        }

        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _accepting = AcceptAllAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>How many connections have come.</summary>
    public int Connections
    {
        get
        {
            lock (_connections)
            {
                return _connections.Count;
            }
        }
    }

    /// <summary>A script that answers every request in the same way.</summary>
    public static Func<RawConnection, Task> Answer(string response) => async connection =>
    {
        while (await connection.ReadHeadAsync() is not null)
        {
            await connection.SendAsync(response);
        }
    };

    public async Task<RawConnection> AcceptAsync() => await _accepted.Reader.ReadAsync().AsTask().WaitAsync(Settings.Patience);

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        lock (_connections)
        {
            _connections.ForEach(connection => connection.Dispose());
        }
    }

    private async Task AcceptAllAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return;
            }

            socket.NoDelay = true;
            var connection = new RawConnection(socket);
            lock (_connections)
            {
                _connections.Add(connection);
            }

            if (_script is null)
            {
                _accepted.Writer.TryWrite(connection);
            }
            else
            {
                _ = PlayAsync(connection);
            }
        }
    }

    private async Task PlayAsync(RawConnection connection)
    {
        try
        {
            await _script!(connection);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or EndOfStreamException or TimeoutException)
        {
            // The proxy closed: what that means is the test's business, on the other side.
        }

        connection.Dispose();
    }
}
