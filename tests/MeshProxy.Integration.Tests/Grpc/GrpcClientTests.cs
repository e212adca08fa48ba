using System.Text;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Grpc;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Grpc;

/// <summary>Our gRPC client against a grpc-js server.</summary>
public sealed class GrpcClientTests
{
    [SkippableFact]
    public async Task Unary_WithMetadataBothWays_Succeeds()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(
            async client =>
            {
                using var call = client.Start(GrpcLoop.Method("Unary"), new GrpcCallOptions
                {
                    Metadata = [new("x-echo", "two"), new("x-echo-bin", [0, 255, 10])],
                    Timeout = TimeSpan.FromMinutes(1),
                });
                (await call.WriteAsync("hello"u8.ToArray(), endOfStream: true)).ShouldBeTrue();
                (await call.ReadHeadersAsync()).ShouldBeTrue();
                call.Headers.GetString("x-echo").ShouldBe("one, two");
                call.Headers.GetString("x-has-deadline").ShouldBe("true");
                GrpcMetadata.TryGetBytes(call.Headers, "x-echo-bin", out var bytes).ShouldBeTrue();
                bytes.ShouldBe([0, 255, 10]);
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.ShouldBe("hello"u8.ToArray());
                (await call.ReadAsync()).ShouldBeFalse();
                call.Status.IsOk.ShouldBeTrue();
                call.Trailers.GetString("x-trailer").ShouldBe("at the end");
                GrpcMetadata.TryGetBytes(call.Trailers, "x-bytes-bin", out bytes).ShouldBeTrue();
                bytes.ShouldBe([0, 1, 254, 255]);
            },
            options => options with { InitialMetadata = [new("x-echo", "one")] });
    }

    [SkippableFact]
    public async Task Unary_ManyAtOnceOfAnySize_AllComeBack()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            var calls = Enumerable.Range(0, 200).Select(i => client.UnaryAsync(GrpcLoop.Method("Unary"), Payload.Create(i * 997)).AsTask()).ToArray();
            var results = await Task.WhenAll(calls);
            for (var i = 0; i < results.Length; i++)
            {
                results[i].ResponseOrThrow().AsSpan().SequenceEqual(Payload.Create(i * 997)).ShouldBeTrue();
            }
        });
    }

    [SkippableFact]
    public async Task Unary_LargeMessages_AreBoundByTheReceiversLimit()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);
        var limit = 4 << 20;

        await loop.RunAsync(async client =>
        {
            (await client.UnaryAsync(GrpcLoop.Method("Unary"), Payload.Create(limit))).ResponseOrThrow().Length.ShouldBe(limit);
            var over = await client.UnaryAsync(GrpcLoop.Method("Unary"), Payload.Create(limit + 1));
            over.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.ResourceExhausted, $"a message has {limit + 1} bytes; {limit} are allowed"));
        });
        await loop.RunAsync(
            async client =>
            {
                var message = Payload.Create(20 << 20);
                (await client.UnaryAsync(GrpcLoop.Method("Unary"), message)).ResponseOrThrow().AsSpan().SequenceEqual(message).ShouldBeTrue();
            },
            options => options with { MaxReceiveMessageBytes = 32 << 20 });
    }

    [SkippableFact]
    public async Task ClientStream_OfManyMessages_IsCounted()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("ClientStream"));
            for (var i = 0; i < 300; i++)
            {
                (await call.WriteAsync(new byte[10_000])).ShouldBeTrue();
            }

            (await call.CompleteAsync()).ShouldBeTrue();
            (await call.ReadAsync()).ShouldBeTrue();
            Encoding.UTF8.GetString(call.Current).ShouldBe("300 messages, 3000000 bytes");
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();
        });
    }

    [SkippableFact]
    public async Task ServerStream_ToItsEnd_KeepsTheOrder()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("ServerStream"));
            await call.WriteAsync("500 20000"u8.ToArray(), endOfStream: true);
            for (var i = 1; i <= 500; i++)
            {
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.Length.ShouldBe(20_000);
                call.Current[0].ShouldBe((byte)i);
            }

            (await call.ReadAsync()).ShouldBeFalse();
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();
        });
    }

    [SkippableFact]
    public async Task Bidi_OneByOne_EachMessageArrivesAlone()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("Bidi"));
            (await call.ReadHeadersAsync()).ShouldBeTrue();
            for (var i = 0; i < 50; i++)
            {
                var message = Payload.Create(i * 300);
                (await call.WriteAsync(message)).ShouldBeTrue();
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.AsSpan().SequenceEqual(message).ShouldBeTrue();
            }

            (await call.CompleteAsync()).ShouldBeTrue();
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();
            call.Trailers.GetString("x-trailer").ShouldBe("at the end");
        });
    }

    [SkippableFact]
    public async Task Bidi_WriterAheadOfItsReader_IsHeldBackAndLosesNothing()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("Bidi"));
            var message = Payload.Create(512 << 10);
            var writing = WriteAllAsync();
            for (var i = 0; i < 96; i++)
            {
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.Length.ShouldBe(message.Length);
            }

            await writing;
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();

            async Task WriteAllAsync()
            {
                for (var i = 0; i < 96; i++)
                {
                    (await call.WriteAsync(message, endOfStream: i == 95)).ShouldBeTrue();
                }
            }
        });
    }

    [SkippableTheory]
    [InlineData("Unary")]
    [InlineData("Bidi")]
    [InlineData("ServerStream")]
    public async Task Error_OfTheService_IsItsStatusWithMetadata(string method)
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method(method), new GrpcCallOptions { Metadata = [new("x-behave", "error")] });
            await call.WriteAsync("1 1"u8.ToArray(), endOfStream: true);
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.FailedPrecondition, "no, 100% größer\nthan that"));
            call.Trailers.GetString("x-trailer").ShouldBe("at the end");
        });
    }

    [SkippableFact]
    public async Task Error_BehindMessages_ComesAfterThem()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("ServerStream"), new GrpcCallOptions { Metadata = [new("x-behave", "late-error")] });
            await call.WriteAsync("3 10"u8.ToArray(), endOfStream: true);
            (await call.ReadAsync()).ShouldBeTrue();
            (await call.ReadAsync()).ShouldBeTrue();
            (await call.ReadAsync()).ShouldBeTrue();
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.DataLoss, "lost"));
            var missing = await client.UnaryAsync(GrpcLoop.Method("Missing"), []);
            missing.Status.Code.ShouldBe(GrpcStatusCode.Unimplemented);
            Should.Throw<GrpcStatusException>(() => missing.ResponseOrThrow()).Status.ShouldBe(missing.Status);
        });
    }

    [SkippableTheory]
    [InlineData("cancel")]
    [InlineData("dispose")]
    [InlineData("token")]
    public async Task Call_ThatIsGivenUp_IsCancelledAtTheServer(string how)
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);
        using var source = new CancellationTokenSource();

        await loop.RunAsync(async client =>
        {
            using var call = client.Start(GrpcLoop.Method("Bidi"), new GrpcCallOptions { Metadata = [new("x-behave", "hang")], Cancellation = source.Token });
            (await call.ReadHeadersAsync()).ShouldBeTrue();
            var reading = call.ReadAsync();
            switch (how)
            {
                case "cancel":
                    call.Cancel();
                    break;
                case "dispose":
                    call.Dispose();
                    break;
                default:
                    await source.CancelAsync();
                    break;
            }

            (await reading).ShouldBeFalse();
            call.Status.Code.ShouldBe(GrpcStatusCode.Cancelled);
            (await call.WriteAsync([1])).ShouldBeFalse();
        });
        await Settings.EventuallyAsync(() => server.Output.Contains("cancelled /acme.Echo/Bidi", StringComparison.Ordinal), () => server.Output);
    }

    [SkippableFact]
    public async Task Deadline_ThatPasses_EndsTheCallHereAndThere()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var loop = await GrpcLoop.StartAsync(server.Address);

        await loop.RunAsync(
            async client =>
            {
                var result = await client.UnaryAsync(GrpcLoop.Method("Unary"), [1], new GrpcCallOptions { Metadata = [new("x-behave", "hang")] });
                result.Status.Code.ShouldBe(GrpcStatusCode.DeadlineExceeded);
            },
            options => options with { Timeout = TimeSpan.FromSeconds(2) });
        await Settings.EventuallyAsync(() => server.Output.Contains("cancelled /acme.Echo/Unary", StringComparison.Ordinal), () => server.Output);
    }

    [SkippableFact]
    public async Task Server_ThatDiesAndComesBack_IsReconnected()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("mp-").FullName, "s");
        var program = Peers.RequireNodeProgram("grpc-server.js");
        var node = Peers.Require("node");
        await using var loop = await GrpcLoop.StartAsync("unix:" + path);
        await using var first = ChildProcess.Start(node, program, path);
        using var stop = new CancellationTokenSource();
        List<GrpcStatusCode> statuses = [];

        await loop.RunAsync(async client =>
        {
            ChildProcess? second = null;
            var reconnect = new GrpcReconnect(client.Loop, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(100));
            await Should.ThrowAsync<OperationCanceledException>(reconnect.RunAsync(
                async _ =>
                {
                    client.Loop.IsCurrent.ShouldBeTrue();
                    using var call = client.Start(GrpcLoop.Method("Bidi"), new GrpcCallOptions
                    {
                        Metadata = second is null ? [new("x-behave", "die")] : [],
                    });
                    if (await call.ReadHeadersAsync())
                    {
                        reconnect.OnWorking();
                        if (second is not null)
                        {
                            (await call.WriteAsync("back"u8.ToArray())).ShouldBeTrue();
                            (await call.ReadAsync()).ShouldBeTrue();
                            call.Current.ShouldBe("back"u8.ToArray());
                            await stop.CancelAsync();
                            return;
                        }

                        (await call.ReadAsync()).ShouldBeFalse();
                        File.Delete(path);
                        second = ChildProcess.Start(node, program, path);
                    }

                    statuses.Add(call.Status.Code);
                },
                stop.Token));
            await second!.DisposeAsync();
        });

        statuses.ShouldNotBeEmpty();
        statuses.ShouldAllBe(status => status == GrpcStatusCode.Unavailable);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [SkippableFact]
    public async Task Filter_ThatAsksAService_IsAnsweredOnItsWorker()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            http: http => http.Filter(static context => new AskingFilter(context)).RouteAllTo(Proxy.Service),
            other: builder => builder.Cluster("authority", cluster => cluster.Endpoints(server.Address).Http2()));

        for (var i = 0; i < 20; i++)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/");
            request.Headers.Add("x-question", $"question {i}");
            using var response = await proxy.Client.SendAsync(request);
            response.Headers.GetValues("x-answer").ShouldBe([$"question {i}"]);
        }

        await proxy.StatIsAsync("cluster.authority.upstream_rq_2xx", 20);
    }

    [Fact]
    public async Task Service_ThatIsNotThere_IsUnavailable()
    {
        await using var loop = await GrpcLoop.StartAsync("unix:/nonexistent/socket");

        await loop.RunAsync(async client =>
            (await client.UnaryAsync(GrpcLoop.Method("Unary"), [1])).Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Unavailable, "remote connection failure")));
        await loop.RunAsync(
            async client => (await client.UnaryAsync(GrpcLoop.Method("Unary"), [1])).Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Unavailable, "there is no cluster 'other'")),
            options => options with { ClusterName = "other" });
    }

    /// <summary>What external authorization will do: a call for each request.</summary>
    private sealed class AskingFilter(HttpFilterFactoryContext context) : HttpFilter
    {
        private string _answer = "";

        public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            var client = new GrpcClient(context.Clusters.ForWorker(Callbacks.Loop.Index), new GrpcClientOptions { ClusterName = "authority" });
            var result = await client.UnaryAsync(GrpcLoop.Method("Unary"), headers.Get("x-question").ToArray());
            _answer = Callbacks.Loop.IsCurrent ? Encoding.UTF8.GetString(result.ResponseOrThrow()) : "on another thread";
            return FilterStatus.Continue;
        }

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
        {
            headers.Set("x-answer", _answer);
            return default;
        }
    }
}
