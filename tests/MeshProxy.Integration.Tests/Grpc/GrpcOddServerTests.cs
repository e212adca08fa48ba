using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Grpc;

namespace MeshProxy.Integration.Tests.Grpc;

/// <summary>Our gRPC client against a server that breaks the rules, or off: which status that is.</summary>
public sealed class GrpcOddServerTests
{
    public static TheoryData<string, int, string> Answers => new()
    {
        // gRPC over HTTP/2, "Errors": the code of RST_STREAM.
        { "Reset_0", 13, "" },
        { "Reset_1", 13, "" },
        { "Reset_2", 13, "" },
        { "Reset_3", 13, "" },
        { "Reset_7", 14, "remote refused stream reset" },
        { "Reset_8", 1, "remote reset" },
        { "Reset_11", 8, "remote reset" },
        { "Reset_12", 7, "remote reset" },
        { "ResetLate_2", 13, "remote reset" },
        { "ResetLate_8", 1, "remote reset" },

        // HTTP without gRPC.
        { "Http_400", 13, "HTTP status 400" },
        { "Http_401", 16, "HTTP status 401" },
        { "Http_403", 7, "HTTP status 403" },
        { "Http_404", 12, "HTTP status 404" },
        { "Http_429", 14, "HTTP status 429" },
        { "Http_503", 14, "HTTP status 503" },
        { "Http_500", 2, "HTTP status 500" },
        { "Html", 2, "the content type is 'text/html'" },

        // A head that says it all.
        { "TrailersOnly_5", 5, "größer\n100%" },
        { "TrailersOnly_99", 99, "größer\n100%" },
        { "TrailersOnly_x", 2, "größer\n100%" },
        { "TrailersOnly_0", 13, "the service answered without a message" },

        // Messages that are none.
        { "NoStatus", 2, "the answer has no grpc-status" },
        { "NoTrailers", 2, "the answer has no grpc-status" },
        { "Compressed", 13, "a message has flags that mean nothing" },
        { "Compressed_gzip", 12, "compression 'gzip' was not asked for" },
        { "Flags", 13, "a message has flags that mean nothing" },
        { "Huge", 8, "a message has 2147483647 bytes; 4194304 are allowed" },
        { "Cut", 13, "the answer ended within a message" },
        { "Twice", 13, "the service answered with more than one message" },
        { "Nothing", 13, "the service answered without a message" },
    };

    [SkippableTheory]
    [MemberData(nameof(Answers))]
    public async Task Answer_ThatIsNoSuccess_IsAStatus(string method, int code, string message)
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-odd-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            var result = await client.UnaryAsync(GrpcLoop.Method(method), [1, 2, 3]);

            ((int)result.Status.Code).ShouldBe(code, result.Status.Message);
            result.Status.Message.ShouldStartWith(message);
            result.Response.ShouldBeNull();
        });
    }

    [SkippableFact]
    public async Task Messages_InAnyPieces_AreWhole()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-odd-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("Bytewise"));
            await call.CompleteAsync();
            (await call.ReadAsync()).ShouldBeTrue();
            call.Current.ShouldBe("abc"u8.ToArray());
            (await call.ReadAsync()).ShouldBeTrue();
            call.Current.ShouldBeEmpty();
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.ShouldBe(GrpcStatus.Ok);
        });
    }

    [SkippableFact]
    public async Task Parser_ThatThrows_EndsTheCall()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-odd-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            var method = new GrpcMethod<byte[], byte[]>(
                "acme.Echo", "Twice", static (_, _) => { }, static _ => throw new FormatException("not a message"));
            var result = await client.UnaryAsync(method, []);
            result.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Internal, "a message could not be read: not a message"));
        });
    }
}
