using System.Buffers;
using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.Http.Grpc;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Http.Tests.Grpc;

/// <summary>Our gRPC calls on the wire, frame by frame and under virtual time. Real servers are in the integration tests.</summary>
public sealed class GrpcCallTests
{
    private const Http2ErrorCode Cancel = Http2ErrorCode.Cancel;

    private static readonly GrpcMethod<string, string> s_talk = new(
        "acme.Echo", "Talk", static (message, into) => into.Write(Encoding.UTF8.GetBytes(message)), static bytes => Encoding.UTF8.GetString(bytes));

    private readonly HttpExchangeHarness _h;

    /// <summary>What has come of a call so far: the loop runs only by hand, so nobody waits.</summary>
    private sealed class Outcome<T>(Task<T> task)
    {
        public bool IsCompleted => task.IsCompleted;

        public T Result => IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("still pending");
    }

    public GrpcCallTests() => _h = Harness(static cluster => cluster);

    private static HttpExchangeHarness Harness(Func<ClusterConfig, ClusterConfig> change) => new(new HttpExchangeOptions
    {
        Cluster = cluster => change(cluster with
        {
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() },
                }),
            ],
        }),
    });

    private GrpcCall<string, string> Start(GrpcCallOptions? options = null, HttpExchangeHarness? harness = null)
    {
        var h = harness ?? _h;
        GrpcCall<string, string> call = null!;
        h.OnLoop(() => call = new GrpcClient(h.Clusters, new GrpcClientOptions { ClusterName = "c", Authority = "echo.acme" }).Start(s_talk, options));
        return call;
    }

    private Outcome<T> OnLoop<T>(Func<ValueTask<T>> function, HttpExchangeHarness? harness = null)
    {
        Task<T> task = null!;
        (harness ?? _h).OnLoop(() => task = function().AsTask());
        return new Outcome<T>(task);
    }

    private static byte[] Head(uint stream) => Http2Bytes.Head(stream, endStream: false, (":status", "200"), ("content-type", "application/grpc+proto"));

    private static byte[] Trailers(uint stream, string status = "0") => Http2Bytes.Head(stream, endStream: true, ("grpc-status", status));

    [Fact]
    public void Call_OnTheWire_IsAsGrpcWantsIt()
    {
        var call = Start(new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(90), Metadata = [new("x-trace-bin", [1])] });
        var server = new Http2SimulatedServer(_h).Hello();
        var written = OnLoop(() => call.WriteAsync("hello"));

        var request = server.Request(1);
        request[":method"].ShouldBe("POST");
        request[":scheme"].ShouldBe("http");
        request[":path"].ShouldBe("/acme.Echo/Talk");
        request[":authority"].ShouldBe("echo.acme");
        request["te"].ShouldBe("trailers");
        request["content-type"].ShouldBe("application/grpc");
        request["grpc-timeout"].ShouldBe("90000m");
        request["x-trace-bin"].ShouldBe("AQ");
        written.Result.ShouldBeTrue();
        server.Body(1).ShouldBe("\0\0\0\0\u0005hello");
        server.IsEnded(1).ShouldBeFalse();
        OnLoop(call.CompleteAsync).Result.ShouldBeTrue();
        server.IsEnded(1).ShouldBeTrue();

        var read = OnLoop(call.ReadAsync);
        server.Send(Head(1), Http2Bytes.Data(1, "\0\0\0\0\u0002hi"));
        read.Result.ShouldBeTrue();
        call.Current.ShouldBe("hi");
        read = OnLoop(call.ReadAsync);
        read.IsCompleted.ShouldBeFalse();
        server.Send(Trailers(1, "3"));
        read.Result.ShouldBeFalse();
        call.Status.Code.ShouldBe(GrpcStatusCode.InvalidArgument);
        _h.OnLoop(call.Dispose);
        server.ResetCode(1).ShouldBeNull();
        _h.ShouldBeClean();
    }

    [Fact]
    public void Deadline_ThatPasses_ResetsTheStreamOnTime()
    {
        var call = Start(new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(5) });
        var server = new Http2SimulatedServer(_h).Hello();
        var read = OnLoop(call.ReadAsync);
        _h.Advance(TimeSpan.FromMilliseconds(4999));
        read.IsCompleted.ShouldBeFalse();
        server.ResetCode(1).ShouldBeNull();
        _h.Advance(TimeSpan.FromMilliseconds(2));

        read.Result.ShouldBeFalse();
        call.Status.Code.ShouldBe(GrpcStatusCode.DeadlineExceeded);
        server.ResetCode(1).ShouldBe(Cancel);
        _h.OnLoop(call.Dispose);
        _h.ShouldBeClean();
    }

    [Fact]
    public void Server_ThatAnswersBeforeTheLastMessage_IsToldThatNoMoreFollow()
    {
        var call = Start();
        var server = new Http2SimulatedServer(_h).Hello();
        OnLoop(() => call.WriteAsync("one")).Result.ShouldBeTrue();
        var read = OnLoop(call.ReadAsync);
        server.Send(Head(1), Trailers(1));

        read.Result.ShouldBeFalse();
        call.Status.IsOk.ShouldBeTrue();
        OnLoop(() => call.WriteAsync("two")).Result.ShouldBeFalse();
        server.ResetCode(1).ShouldBe(Cancel);
        _h.OnLoop(call.Dispose);
        _h.ShouldBeClean();
    }

    [Fact]
    public void Call_DisposedOfAtOnce_LeavesNothing()
    {
        var call = Start(new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(5) });
        _h.OnLoop(call.Dispose);
        _h.OnLoop(call.Dispose);

        call.Status.Code.ShouldBe(GrpcStatusCode.Cancelled);
        OnLoop(call.ReadAsync).Result.ShouldBeFalse();
        _h.ShouldBeClean();
    }

    [Fact]
    public void Call_DisposedOfWhileAMessageIsHalfHere_LeavesNothing()
    {
        var call = Start();
        var server = new Http2SimulatedServer(_h).Hello();
        var read = OnLoop(call.ReadAsync);
        server.Send(Head(1), Http2Bytes.Data(1, "\0\0\0\0\u0005hel"));
        _h.OnLoop(call.Dispose);

        read.Result.ShouldBeFalse();
        server.ResetCode(1).ShouldBe(Cancel);
        _h.ShouldBeClean();
    }

    [Fact]
    public void Connection_ThatIsLost_IsUnavailable()
    {
        var call = Start();
        var server = new Http2SimulatedServer(_h).Hello();
        var read = OnLoop(call.ReadAsync);
        server.Send(Head(1));
        server.Peer.Reset();
        _h.Run();

        read.Result.ShouldBeFalse();
        call.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Unavailable, "connection termination"));
        _h.OnLoop(call.Dispose);
        _h.ShouldBeClean();
    }

    [Fact]
    public void Cluster_ThatTakesNoMoreRequests_IsUnavailable()
    {
        var h = Harness(static cluster => cluster with
        {
            CircuitBreakers = cluster.CircuitBreakers with { DefaultPriority = cluster.CircuitBreakers.DefaultPriority with { MaxRequests = 0 } },
        });
        var call = Start(harness: h);

        OnLoop(call.ReadAsync, h).Result.ShouldBeFalse();
        call.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Unavailable, "overflow"));
        h.OnLoop(call.Dispose);
        h.ShouldBeClean();
    }

    [Fact]
    public void Cluster_OfHttp1_IsRefused()
    {
        var h = new HttpExchangeHarness();
        var call = Start(harness: h);

        OnLoop(call.ReadAsync, h).Result.ShouldBeFalse();
        call.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Internal, "the cluster 'c' does not speak HTTP/2"));
        h.OnLoop(call.Dispose);
        h.ShouldBeClean();
    }

    [Fact]
    public void Reader_ThatDoesNotRead_HoldsTheServerBack()
    {
        var call = Start();
        var server = new Http2SimulatedServer(_h).Hello();
        server.Send(Head(1));
        var chunk = new string('x', 16_000);
        var windowUpdates = server.Frames.Count(f => f.Type == Http2FrameType.WindowUpdate && f.StreamId == 1);
        for (var i = 0; i < 64; i++)
        {
            server.Send(Http2Bytes.Data(1, chunk));
        }

        server.Frames.Count(f => f.Type == Http2FrameType.WindowUpdate && f.StreamId == 1).ShouldBe(windowUpdates);
        _h.OnLoop(call.Dispose);
        _h.ShouldBeClean();
    }
}
