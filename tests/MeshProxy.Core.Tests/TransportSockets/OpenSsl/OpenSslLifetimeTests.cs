using System.Runtime.CompilerServices;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Tests.TransportSockets.Tls;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.OpenSsl;

/// <summary>Counts what OpenSSL holds for this process: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(OpenSslLifetimeTests), DisableParallelization = true)]
[Collection(nameof(OpenSslLifetimeTests))]
public sealed class OpenSslLifetimeTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");

    public OpenSslLifetimeTests() => TestTls.Implementation = TlsImplementation.OpenSsl;

    [Fact]
    public void Connections_AThousandThatEndInAnyWay_LeaveNothing()
    {
        var before = OpenSslTransportSocket.Live;
        var pair = new TlsPair(TlsServer.Context(s_leaf), UpstreamTlsTests.Context("localhost", s_root));
        var ends = new Action<TlsPair>[] { EndAfterAnExchange, EndByReset, EndBeforeTheHello, EndWithinTheHandshake, EndByGarbage, EndByTheOther, EndByABadRecord };
        for (var i = 0; i < 1000; i++)
        {
            ends[i % ends.Length](pair);
            pair.Client.Close(CloseType.NoFlush);
            pair.Server.Close(CloseType.NoFlush);
            pair.Loop.RunUntilIdle();
            (OpenSslTransportSocket.Live - before).ShouldBe(0, $"after connection {i}");
            pair.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0, $"after connection {i}");
            pair.Connect();
        }

        pair.Counter("server.ssl.handshake").ShouldBeGreaterThan(400);
        pair.Counter("client.ssl.session_reused").ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Contexts_OfARotation_LiveAsLongAsTheirConnections()
    {
        var before = OpenSslContext.Live;
        RotateManyTimes(out var connection);
        Collect();
        OpenSslContext.Live.ShouldBeLessThan(before + 20, "the contexts of earlier versions are gone");
        connection.Server.WriteAsync("still here");
        connection.Client.Read().IsOk.ShouldBeTrue();
        connection.Client.Text.ShouldBe("still here");
        connection.Client.Close(CloseType.FlushWrite);
        connection.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RotateManyTimes(out TlsPair connection)
    {
        var provider = new TlsSecretsTests.Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config] } };
        connection = new TlsPair(
            new DownstreamTlsContextConfig { CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } }, UpstreamTlsTests.Context("localhost", s_root));
        connection.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        for (var i = 0; i < 100; i++)
        {
            provider.Give(new TlsSecrets { TlsCertificates = [s_leaf.Config] });
        }
    }

    private static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static void EndAfterAnExchange(TlsPair pair)
    {
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        pair.Server.WriteAsync("hello");
        pair.Client.Read().IsOk.ShouldBeTrue();
        pair.Client.Into.Clear();
        pair.Client.Close(CloseType.FlushWrite);
        pair.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
    }

    private static void EndByReset(TlsPair pair)
    {
        pair.Handshake();
        pair.Client.Close(CloseType.Reset);
    }

    private static void EndBeforeTheHello(TlsPair pair)
    {
        _ = pair.Server.HandshakeAsync();
        pair.Loop.RunUntilIdle();
    }

    private static void EndWithinTheHandshake(TlsPair pair)
    {
        _ = pair.Server.HandshakeAsync();
        _ = pair.Client.HandshakeAsync();
        pair.Loop.RunUntilIdle();
        pair.Client.Wire.CarryTo(pair.Server.Wire);
        pair.Loop.RunUntilIdle();
    }

    private static void EndByGarbage(TlsPair pair)
    {
        EndWithinTheHandshake(pair);
        pair.Server.Wire.Peer.Send([22, 3, 3, 0, 16, .. new byte[16]]);
        pair.Client.Wire.Peer.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
        pair.Loop.RunUntilIdle();
    }

    private static void EndByTheOther(TlsPair pair)
    {
        EndWithinTheHandshake(pair);
        pair.Server.Wire.Peer.ShutdownSend();
        pair.Client.Wire.Peer.ShutdownSend();
        pair.Loop.RunUntilIdle();
    }

    private static void EndByABadRecord(TlsPair pair)
    {
        pair.Handshake();
        pair.Server.Wire.Peer.Send([23, 3, 3, 0, 32, .. new byte[32]]);
        pair.Server.Read().Status.ShouldBe(IoStatus.TransportFailed);
    }
}
