using System.Text;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Config;
using MeshProxy.Http.Grpc;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Grpc;

/// <summary>gRPC where one side or both speak HTTP/1.1: the status goes in the trailers of a chunked body.</summary>
public sealed class GrpcOverHttp1Tests
{
    [SkippableFact]
    public async Task Http1Upstream_CarriesAllKindsOfCalls()
    {
        await using var upstream = await Daemon.NodeProgramAsync("grpc-http1-server.js");
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: WithTrailers);
        await using var loop = await GrpcLoop.StartAsync($"127.0.0.1:{proxy.Port}");

        await loop.RunAsync(async client =>
        {
            // Each message arrives alone: the next one is not sent before.
            using var call = client.Start(GrpcLoop.Method("Echo"));
            for (var i = 0; i < 10; i++)
            {
                var message = Encoding.UTF8.GetBytes($"message {i}");
                (await call.WriteAsync(message, endOfStream: i == 9)).ShouldBeTrue();
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.ShouldBe(message);
            }

            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();
            call.Headers.GetString("x-te").ShouldBe("trailers");
            call.Trailers.GetString("x-trailer").ShouldBe("at the end");

            var large = Payload.Create(3_000_000);
            (await client.UnaryAsync(GrpcLoop.Method("Echo"), large)).ResponseOrThrow().AsSpan().SequenceEqual(large).ShouldBeTrue();
        });
        proxy.Stat($"cluster.{Proxy.Service}.upstream_cx_http2_total").ShouldBe(0);
    }

    [SkippableTheory]
    [InlineData("Refuse", GrpcStatusCode.NotFound, "no such thing")]
    [InlineData("Fail", GrpcStatusCode.FailedPrecondition, "not now")]
    [InlineData("Html", GrpcStatusCode.Unavailable, null)]
    [InlineData("Break", GrpcStatusCode.Internal, null)]
    public async Task Http1Upstream_ThatFailsACall_FailsItWithItsStatus(string method, GrpcStatusCode code, string? message)
    {
        await using var upstream = await Daemon.NodeProgramAsync("grpc-http1-server.js");
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: WithTrailers);
        await using var loop = await GrpcLoop.StartAsync($"127.0.0.1:{proxy.Port}");

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method(method));
            await call.WriteAsync("hello"u8.ToArray(), endOfStream: true);
            while (await call.ReadAsync())
            {
                call.Current.ShouldBe("hello"u8.ToArray());
            }

            call.Status.Code.ShouldBe(code);
            call.Status.Message.ShouldBe(message ?? call.Status.Message);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Http1Upstream_ThatIsNotThere_IsALocalReplyWithStatus(bool http2)
    {
        await using var proxy = await Proxy.HttpAsync("unix:/nonexistent/socket", cluster: WithTrailers);
        if (http2)
        {
            await using var loop = await GrpcLoop.StartAsync($"127.0.0.1:{proxy.Port}");
            await loop.RunAsync(async client =>
                (await client.UnaryAsync(GrpcLoop.Method("Echo"), [1])).Status.Code.ShouldBe(GrpcStatusCode.Unavailable));
            return;
        }

        using var raw = await proxy.ConnectAsync();
        await raw.SendAsync(RawCall("Echo", "abc"));
        var answer = await raw.ReadMessageAsync();
        answer.Status.ShouldBe(200);
        answer["content-type"].ShouldBe("application/grpc");
        answer["grpc-status"].ShouldBe("14");
        answer["grpc-message"]!.ShouldStartWith("upstream connect error");
        answer.Body.ShouldBe("");
    }

    [SkippableFact]
    public async Task Http1OnBothSides_HasTheStatusInTheTrailersOfChunks()
    {
        await using var upstream = await Daemon.NodeProgramAsync("grpc-http1-server.js");
        await using var proxy = await Proxy.HttpAsync(upstream.Address, WithTrailers, cluster: WithTrailers);
        await Http1CallAsync(proxy, "Echo");
    }

    [SkippableFact]
    public async Task Http1Client_OfGrpcJs_HasTheStatusInTheTrailersOfChunks()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, WithTrailers, cluster: c => c.Http2());
        await Http1CallAsync(proxy, "Unary");
    }

    private static async Task Http1CallAsync(Proxy proxy, string method)
    {
        using var raw = await proxy.ConnectAsync();
        for (var i = 0; i < 3; i++)
        {
            await raw.SendAsync(RawCall(method, $"call {i}"));
            var answer = await raw.ReadMessageAsync();
            answer.Status.ShouldBe(200);
            answer["transfer-encoding"].ShouldBe("chunked");
            answer["grpc-status"].ShouldBeNull();
            answer.Body.ShouldBe($"\0\0\0\0\u0006call {i}");
            answer.Trailers.ShouldContain("grpc-status: 0");
            answer.Trailers.ShouldContain("x-trailer: at the end");
        }
    }

    private static string RawCall(string method, string message) =>
        $"POST /acme.Echo/{method} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nContent-Type: application/grpc\r\nContent-Length: {5 + message.Length}\r\n\r\n"
        + $"\0\0\0\0{(char)message.Length}{message}";

    private static void WithTrailers(ClusterBuilder cluster) => cluster.HttpProtocol(options => options); // what it begins with has trailers

    private static HttpConnectionManagerConfig WithTrailers(HttpConnectionManagerConfig config) =>
        config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } };
}
