using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Grpc;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Grpc;

/// <summary>Our gRPC client over a cluster with TLS, which agrees on h2 by ALPN.</summary>
public sealed class GrpcTlsTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream)]
    [InlineData(TlsImplementation.OpenSsl)]
    public async Task Calls_OfBothKinds_GoThrough(TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js", _files.ServerCertificate, _files.ServerKey);
        await using var loop = await GrpcLoop.StartAsync(server.Address, Context(_files.Root));

        await loop.RunAsync(async client =>
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => client.UnaryAsync(GrpcLoop.Method("Unary"), Payload.Create(i * 9973)).AsTask()));
            for (var i = 0; i < results.Length; i++)
            {
                results[i].ResponseOrThrow().AsSpan().SequenceEqual(Payload.Create(i * 9973)).ShouldBeTrue();
            }

            using var call = client.Start(GrpcLoop.Method("Bidi"));
            for (var i = 0; i < 10; i++)
            {
                var message = Encoding.UTF8.GetBytes($"message {i}");
                (await call.WriteAsync(message, endOfStream: i == 9)).ShouldBeTrue();
                (await call.ReadAsync()).ShouldBeTrue();
                call.Current.ShouldBe(message);
            }

            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.IsOk.ShouldBeTrue();
        });
        loop.Counter("upstream_cx_http2_total").ShouldBe(1);
    }

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream, "authority")]
    [InlineData(TlsImplementation.OpenSsl, "authority")]
    [InlineData(TlsImplementation.SslStream, "name")]
    [InlineData(TlsImplementation.OpenSsl, "name")]
    public async Task Server_ThatIsNotTheRightOne_IsUnavailable(TlsImplementation implementation, string wrong)
    {
        TlsLibrary.Use(implementation);
        using var other = TestPki.Root();
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js", _files.ServerCertificate, _files.ServerKey);
        await using var loop = await GrpcLoop.StartAsync(
            server.Address, wrong == "authority" ? Context(other) : Context(_files.Root, san: "service.test"));

        await loop.RunAsync(async client =>
        {
            var status = (await client.UnaryAsync(GrpcLoop.Method("Unary"), [1])).Status;
            status.Code.ShouldBe(GrpcStatusCode.Unavailable);
            status.Message.ShouldStartWith("remote connection failure");

            // A stream that waits for an answer learns it too, and what is written is refused.
            using var call = client.Start(GrpcLoop.Method("Bidi"));
            (await call.ReadAsync()).ShouldBeFalse();
            call.Status.Code.ShouldBe(GrpcStatusCode.Unavailable);
            (await call.WriteAsync([1])).ShouldBeFalse();
        });
        loop.Counter($"ssl.fail_verify_{(wrong == "authority" ? "error" : "san")}").ShouldBeGreaterThanOrEqualTo(2);
        server.Output.ShouldNotContain("/acme.Echo/");
    }

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream)]
    [InlineData(TlsImplementation.OpenSsl)]
    public async Task Server_WithoutHttp2_IsUnavailable(TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        using var leaf = TestPki.Leaf(_files.Root, "localhost");
        await using var server = await KestrelUpstream.StartAsync(certificate: leaf.WithKey); // HTTP/1.1 alone
        await using var loop = await GrpcLoop.StartAsync(server.Address, Context(_files.Root));

        await loop.RunAsync(async client =>
            (await client.UnaryAsync(GrpcLoop.Method("Unary"), [1])).Status.Code.ShouldBe(GrpcStatusCode.Unavailable));
    }

    private static UpstreamTlsContextConfig Context(TestCertificate authority, string san = "localhost") => new()
    {
        Sni = "localhost",
        CommonTlsContext = new CommonTlsContextConfig
        {
            ValidationContext = new CertificateValidationContextConfig
            {
                TrustedCa = authority.Ca,
                MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { SanType = SubjectAltNameType.Dns, Matcher = new() { Exact = san } }],
            },
        },
    };
}
