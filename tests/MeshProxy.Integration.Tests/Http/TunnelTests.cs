using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Upgrades and CONNECT.</summary>
public sealed class TunnelTests
{
    [Fact]
    public async Task WebSocket_ToKestrel_WorksBothWaysToTheCloseHandshake()
    {
        await using var upstream = await KestrelUpstream.StartAsync(EchoAsync);
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { UpgradeConfigs = [new("websocket")] });
        using var client = new ClientWebSocket();
        client.Options.AddSubProtocol("chat");
        using var patience = new CancellationTokenSource(Settings.Patience);
        await client.ConnectAsync(new Uri($"ws://127.0.0.1:{proxy.Port}/chat"), patience.Token);
        var payload = Payload.Create(1_000_000);
        var received = new byte[payload.Length];

        await client.SendAsync(Encoding.UTF8.GetBytes("hello"), WebSocketMessageType.Text, true, patience.Token);
        var first = await client.ReceiveAsync(received, patience.Token);
        var text = Encoding.UTF8.GetString(received, 0, first.Count);
        var sending = client.SendAsync(payload, WebSocketMessageType.Binary, true, patience.Token);
        for (var count = 0; count < payload.Length;)
        {
            count += (await client.ReceiveAsync(received.AsMemory(count), patience.Token)).Count;
        }

        await sending;
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", patience.Token);

        client.SubProtocol.ShouldBe("chat");
        text.ShouldBe("hello");
        received.ShouldBe(payload);
        client.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
        client.CloseStatusDescription.ShouldBe("bye");
    }

    [Fact]
    public async Task WebSocket_WithoutUpgradeConfig_IsRefused()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");

        (await client.ReadMessageAsync()).Status.ShouldBe(403);
        upstream.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task Upgrade_ThatUpstreamDeclines_IsAnOrdinaryResponse()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"));
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { UpgradeConfigs = [new("websocket")] });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(400);
        response.Body.ShouldBe("no");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tunnel_ThatOneSideCloses_ClosesTheOther(bool byClient)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { UpgradeConfigs = [new("acme")] });
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: acme\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        var request = new RawMessage((await connection.ReadHeadAsync())!);
        await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: acme\r\n\r\nfirst");
        var response = new RawMessage((await client.ReadHeadAsync())!);
        var first = await client.ReadAsync(5);
        await client.SendAsync("GET /not-a-request HTTP/1.1\r\n\r\n");
        var second = await connection.ReadHeadAsync();

        (byClient ? client : connection).EndSending();
        var (rest, _) = await (byClient ? connection : client).ReadToEndAsync();
        (byClient ? connection : client).Dispose();
        await (byClient ? client : connection).DrainAsync();

        request["upgrade"].ShouldBe("acme");
        request["connection"].ShouldBe("upgrade", StringCompareShould.IgnoreCase);
        response.Status.ShouldBe(101);
        response["upgrade"].ShouldBe("acme");
        first.ShouldBe("first");
        second.ShouldBe("GET /not-a-request HTTP/1.1\r\n\r\n");
        rest.ShouldBe("");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tunnel_ThatOneSideResetsRightBehindBytes_GivesTheOtherBoth(bool byClient)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { UpgradeConfigs = [new("acme")] });
        for (var i = 0; i < 10; i++)
        {
            using var client = await proxy.ConnectAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: acme\r\n\r\n");
            using var connection = await upstream.AcceptAsync();
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: acme\r\n\r\n");
            await client.ReadHeadAsync();

            await (byClient ? client : connection).SendAsync("last words");
            (byClient ? client : connection).Reset();

            (await (byClient ? connection : client).ReadToEndAsync()).ShouldBe(("last words", true));
        }
    }

    [Fact]
    public async Task Connect_WithoutUpgradeConfig_IsRefused()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
        var response = await client.ReadMessageAsync();

        // Envoy: 403 where no upgrade is allowed; 404 as no route takes CONNECT.
        response.Status.ShouldBeOneOf(403, 404);
        upstream.Connections.ShouldBe(0);
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync("chat");
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, context.RequestAborted);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(received.CloseStatus!.Value, received.CloseStatusDescription, context.RequestAborted);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
        }
    }
}
