namespace MeshProxy.Integration.Tests.Interop;

public sealed class NodeTests
{
    private const string Server = """
        const http = require('http');
        http.createServer((request, response) => {
          response.setHeader('Set-Cookie', ['a=1', 'b=2']);
          response.setHeader('Trailer', 'x-length');
          let length = 0;
          request.on('data', chunk => { length += chunk.length; response.write(chunk); });
          request.on('end', () => { response.addTrailers({ 'x-length': String(length) }); response.end(); });
        }).listen(process.argv[2]);
        """;

    /// <summary>200 POSTs of growing bodies through an agent that keeps 4 connections; says how many came back whole and how many sockets it took.</summary>
    private const string Client = """
        const http = require('http');
        const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
        let open = 200, whole = 0;
        const sockets = new Set();
        for (let i = 0; i < 200; i++) {
          const body = Buffer.alloc(i * 997, i % 251);
          const request = http.request({ port: process.argv[2], host: '127.0.0.1', method: 'POST', path: '/whole', agent }, response => {
            const parts = [];
            response.on('data', part => parts.push(part));
            response.on('end', () => {
              if (response.statusCode === 200 && Buffer.concat(parts).equals(body)) whole++;
              if (--open === 0) { console.log(`${whole} whole over ${sockets.size} sockets`); agent.destroy(); }
            });
          });
          request.on('socket', socket => sockets.add(socket));
          request.on('error', error => { console.log(error); process.exit(1); });
          if (i % 2) { request.setHeader('Content-Length', body.length); }
          request.end(body);
        }
        """;

    [SkippableFact]
    public async Task Node_AsUpstream_StreamsBodiesTrailersAndCookies()
    {
        await using var node = await Daemon.NodeAsync(Server);
        await using var proxy = await Proxy.HttpAsync(
            node.Address, config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } });

        for (var i = 0; i < 20; i++)
        {
            var length = i * 50_000;
            using var response = await proxy.Client.PostAsync("/", new PayloadContent(length, withLength: i % 2 == 0));
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
            response.Headers.GetValues("set-cookie").ShouldBe(["a=1", "b=2"]);
            response.TrailingHeaders.GetValues("x-length").ShouldBe([$"{length}"]);
        }
    }

    [SkippableFact]
    public async Task Node_AsClientWithKeepAliveAgent_GetsEveryBodyBack()
    {
        var node = Peers.Require("node");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var program = Path.GetTempFileName() + ".js";
        await File.WriteAllTextAsync(program, Client);

        var (exitCode, output) = await ChildProcess.RunAsync(node, program, $"{proxy.Port}");

        exitCode.ShouldBe(0, output);
        output.ShouldBe("200 whole over 4 sockets");
        File.Delete(program);
    }
}
