using System.Net;
using System.Net.Sockets;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>nginx, HAProxy or node with a config of a test, listening on a Unix socket in a folder of its own: such a name cannot be taken.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ChildProcess _process;

    private Daemon(string folder, ChildProcess process)
    {
        _folder = folder;
        _process = process;
    }

    /// <summary>Where it listens.</summary>
    public string SocketPath => SocketIn(_folder);

    public string Address => "unix:" + SocketPath;

    public string Output => _process.Output;

    /// <summary>nginx with one server.</summary>
    /// <param name="server">What stands in the server block.</param>
    /// <param name="http">What stands before it in the http block.</param>
    /// <param name="listen">What stands behind the address in its listen directive, such as http2.</param>
    public static Task<Daemon> NginxAsync(string server, string http = "", string listen = "") => StartAsync("nginx", "nginx.conf", folder => $$"""
        daemon off;
        master_process off;
        pid {{folder}}/pid;
        error_log stderr warn;
        events { worker_connections 512; }
        http {
          access_log off;
          client_body_temp_path {{folder}};
          proxy_temp_path {{folder}};
          fastcgi_temp_path {{folder}};
          uwsgi_temp_path {{folder}};
          scgi_temp_path {{folder}};
          client_max_body_size 0;
          {{http}}
          server {
            listen unix:{{SocketIn(folder)}} {{listen}};
            {{server}}
          }
        }
        """, (_, config) => ["-e", "stderr", "-c", config]);

    /// <summary>HAProxy in front of one server.</summary>
    /// <param name="mode">http or tcp.</param>
    /// <param name="upstream">The server's address, and what stands behind it in the server line, such as proto h2.</param>
    /// <param name="bind">What stands behind the address in the bind line, such as proto h2.</param>
    public static Task<Daemon> HaproxyAsync(string mode, string upstream, string bind = "") => StartAsync("haproxy", "haproxy.cfg", folder => $"""
        global
          maxconn 512
          ssl-default-bind-options ssl-min-ver TLSv1.2
        defaults
          mode {mode}
          timeout connect 5s
          timeout client 20s
          timeout server 20s
        listen front
          bind unix@{SocketIn(folder)} {bind}
          server proxy {upstream}

        """, (_, config) => ["-db", "-f", config]);

    /// <summary>A node program that listens on <c>process.argv[2]</c>.</summary>
    public static Task<Daemon> NodeAsync(string program) => StartAsync("node", "program.js", _ => program, (folder, config) => [config, SocketIn(folder)]);

    /// <summary>A program of the folder <c>node</c>, which has packages from npm. It listens on its first argument.</summary>
    public static Task<Daemon> NodeProgramAsync(string name, params string[] arguments)
    {
        var program = Peers.RequireNodeProgram(name);
        return StartAsync("node", "unused", _ => "", (folder, _) => [program, SocketIn(folder), .. arguments]);
    }

    public static async Task<Daemon> StartAsync(string program, string configName, Func<string, string> config, Func<string, string, string[]> arguments)
    {
        var path = Path.IsPathRooted(program) ? program : Peers.Require(program);
        var folder = Directory.CreateTempSubdirectory("mp-").FullName;
        var configPath = Path.Combine(folder, configName);
        await File.WriteAllTextAsync(configPath, config(folder));
        var daemon = new Daemon(folder, ChildProcess.Start(path, arguments(folder, configPath)));
        await Settings.EventuallyAsync(() => CanConnect(SocketIn(folder)), () => $"{program} does not listen: {daemon.Output}");
        return daemon;
    }

    /// <summary>A client of it.</summary>
    public HttpClient CreateClient() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://daemon/"),
        Timeout = 2 * Settings.Patience,
    };

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string SocketIn(string folder) => Path.Combine(folder, "s");

    private static bool CanConnect(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
