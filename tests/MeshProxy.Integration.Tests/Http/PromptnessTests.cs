namespace MeshProxy.Integration.Tests.Http;

/// <summary>What was sent alone arrives alone: nothing in the proxy waits for more to come, in either direction, whatever its size.</summary>
public sealed class PromptnessTests
{
    [Fact]
    public async Task Messages_OneByOneBothWays_ArriveWithoutTheNextOne()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("POST /acme.Echo/Talk HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();

        // The response's head before any message, then each message as the answer to the one before.
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n");
        (await client.ReadHeadAsync()).ShouldNotBeNull().ShouldStartWith("HTTP/1.1 200 ");
        foreach (var size in new[] { 1, 5, 100, 1400, 16_384, 70_000, 1 })
        {
            var message = $"{size:x}\r\n{new string('q', size)}\r\n";
            await client.SendAsync(message);
            (await ReadChunksAsync(connection, size)).ShouldBe(new string('q', size));
            await connection.SendAsync(message.Replace('q', 'r'));
            (await ReadChunksAsync(client, size)).ShouldBe(new string('r', size));
        }

        await client.SendAsync("0\r\n\r\n");
        (await connection.ReadAsync(5)).ShouldBe("0\r\n\r\n");
        await connection.SendAsync("0\r\n\r\n");
        (await client.ReadAsync(5)).ShouldBe("0\r\n\r\n");
    }

    [Fact]
    public async Task Server_ThatStreamsSlowly_IsHeardAtEachMessage()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n");
        await client.ReadHeadAsync();
        for (var i = 0; i < 20; i++)
        {
            await connection.SendAsync($"{i:D3}");
            (await client.ReadAsync(3)).ShouldBe($"{i:D3}");
        }
    }

    /// <summary>The bytes of one message, which the proxy may have cut into several chunks.</summary>
    private static async Task<string> ReadChunksAsync(RawConnection connection, int size)
    {
        var text = "";
        while (text.Length < size)
        {
            var head = "";
            while (!head.EndsWith("\r\n", StringComparison.Ordinal))
            {
                head += await connection.ReadAsync(1);
            }

            var length = Convert.ToInt32(head.Trim(), 16);
            text += await connection.ReadAsync(length);
            (await connection.ReadAsync(2)).ShouldBe("\r\n");
        }

        return text;
    }
}
