using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using MeshProxy.Core.Config;
using MeshProxy.Core.Tests.Server;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class DownstreamTlsTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");

    [Theory]
    [InlineData(SslProtocols.Tls12, "TLSv1.2")]
    [InlineData(SslProtocols.Tls13, "TLSv1.3")]
    public async Task Handshake_OfEitherVersion_CarriesBytesBothWays(SslProtocols version, string name)
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        using (var client = await TlsClient.ConnectAsync(server, o => o.EnabledSslProtocols = version))
        {
            client.Stream.SslProtocol.ShouldBe(version);
            (await client.EchoAsync("hello")).ShouldBe("hello");
            (await client.EchoAsync("again")).ShouldBe("again");
        }

        await server.StatIsAsync("listener.main.ssl.handshake", 1);
        server.Counter($"listener.main.ssl.versions.{name}").ShouldBe(1);
        await server.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Transfer_OfManyMegabytes_ArrivesWhole(SslProtocols version)
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        using (var client = await TlsClient.ConnectAsync(server, o => o.EnabledSslProtocols = version))
        {
            var sent = new byte[8_000_001];
            RandomNumberGenerator.Fill(sent);
            var send = client.Stream.WriteAsync(sent).AsTask();
            var received = new byte[sent.Length];
            await client.Stream.ReadExactlyAsync(received).AsTask().WaitAsync(ServerHarness.Patience);
            await send.WaitAsync(ServerHarness.Patience);
            received.AsSpan().SequenceEqual(sent).ShouldBeTrue();
        }

        await server.NothingIsLeftAsync();
    }
}
