using System.Buffers;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.TestSupport.Tls;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class BuiltInListenerFilterTests
{
    private const string TlsInspector = "envoy.filters.listener.tls_inspector";
    private const string HttpInspector = "envoy.filters.listener.http_inspector";
    private const string ProxyProtocol = "envoy.filters.listener.proxy_protocol";

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task TlsInspector_FindsTheChain_ByNameAndProtocol(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind)
            .Terminal("h2", static () => new TellFilter("h2"))
            .Terminal("other", static () => new TellFilter("other"))
            .Terminal("raw", static () => new TellFilter("raw"));
        await h.StartAsync(Filtered(new ExtensionConfig(TlsInspector, new TlsInspectorConfig())) with
        {
            FilterChains =
            [
                Chain("h2", new FilterChainMatchConfig { ServerNames = ["www.example.com"], ApplicationProtocols = ["h2"] }),
                Chain("other", new FilterChainMatchConfig { TransportProtocol = "tls" }),
                Chain("raw", new FilterChainMatchConfig { TransportProtocol = "raw_buffer" }),
            ],
        });

        // In pieces, over TCP and over records; what was peeked at reaches the chain's filter.
        var hello = ClientHelloBytes.Typical().Records(100);
        (await AnswerAsync(h, hello, pieceBytes: 50)).ShouldBe($"h2 www.example.com {hello.Length}");
        (await AnswerAsync(h, ClientHelloBytes.Typical("b.example").Records())).ShouldStartWith("other b.example ");
        (await AnswerAsync(h, new ClientHelloBytes().WithVersions(0x0304).Records())).ShouldStartWith("other  ");
        (await AnswerAsync(h, [.. "hello"u8])).ShouldBe("raw  5");
        (await AnswerAsync(h, new ClientHelloBytes().WithServerName("a b").Records())).ShouldStartWith("raw  ");
        h.Counter("tls_inspector.tls_found").ShouldBe(3);
        h.Counter("tls_inspector.tls_not_found").ShouldBe(2);
        h.Counter("tls_inspector.sni_found").ShouldBe(2);
        h.Counter("tls_inspector.sni_not_found").ShouldBe(1);
        h.Counter("tls_inspector.alpn_found").ShouldBe(2);
        h.Counter("tls_inspector.alpn_not_found").ShouldBe(1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task TlsInspector_ClosesWhatItMayNotServe(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind);
        await h.StartAsync(Filtered(new ExtensionConfig(
            TlsInspector, new TlsInspectorConfig { MaxClientHelloSize = 256, CloseConnectionOnClientHelloParsingErrors = true })));
        await ClosesAsync(h, ClientHelloBytes.Typical(new string('a', 200)).Records());
        await ClosesAsync(h, new ClientHelloBytes().WithServerName("a b").Records());
        h.Counter("tls_inspector.client_hello_too_large").ShouldBe(1);
        h.Counter("tls_inspector.tls_not_found").ShouldBe(1);

        using var client = await h.ConnectAsync();
        await client.Socket.SendAsync(ClientHelloBytes.Typical().Records()[..20]);
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await client.ShouldBeClosedAsync();
        h.Counter("tls_inspector.connection_closed").ShouldBe(1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task HttpInspector_FindsTheChain_ByVersion(EventLoopKind kind)
    {
        var h = new ServerHarness(kind).Terminal("none", static () => new TellFilter("none"));
        await using var disposal = h;
        foreach (var protocol in (string[])["http/1.0", "http/1.1", "h2c"])
        {
            h.Terminal(protocol, () => new TellFilter(protocol));
        }

        await h.StartAsync(Filtered(new ExtensionConfig(TlsInspector, new TlsInspectorConfig()), new ExtensionConfig(HttpInspector)) with
        {
            FilterChains =
            [
                .. new[] { "http/1.0", "http/1.1", "h2c" }.Select(p => Chain(p, new FilterChainMatchConfig { ApplicationProtocols = [p] })),
                Chain("none"),
            ],
        });
        (await AnswerAsync(h, [.. "GET / HTTP/1.0\r\n"u8], pieceBytes: 3)).ShouldBe("http/1.0  16");
        (await AnswerAsync(h, [.. "GET / HTTP/1.1\r\n"u8])).ShouldBe("http/1.1  16");
        (await AnswerAsync(h, [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8], pieceBytes: 10)).ShouldBe("h2c  24");
        (await AnswerAsync(h, [.. "HELO x\r\n"u8])).ShouldBe("none  8");
        (await AnswerAsync(h, ClientHelloBytes.Typical("x", "spdy/3").Records())).ShouldStartWith("none x "); // TLS is none of its business
        h.Counter("http_inspector.http10_found").ShouldBe(1);
        h.Counter("http_inspector.http11_found").ShouldBe(1);
        h.Counter("http_inspector.http2_found").ShouldBe(1);
        h.Counter("http_inspector.http_not_found").ShouldBe(1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ProxyProtocol_SetsAddressesMetadataAndTlvs(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("who", static () => new AddressTellFilter());
        await h.StartAsync(Filtered(new ExtensionConfig(ProxyProtocol, new ProxyProtocolListenerConfig
        {
            Rules =
            [
                new ProxyProtocolRuleConfig { TlvType = 0xE0, OnTlvPresent = new ProxyProtocolKeyConfig { Key = "id" } },
                new ProxyProtocolRuleConfig { TlvType = 0xE1, OnTlvPresent = new ProxyProtocolKeyConfig { Key = "x", MetadataNamespace = "mine" } },
            ],
            PassThroughTlvs = new ProxyProtocolPassThroughTlvsConfig { MatchType = ProxyProtocolTlvMatch.Include, TlvType = [0xE1, 0xE2] },
        })) with
        { FilterChains = [Chain("who", new FilterChainMatchConfig { DestinationPort = 443 })] });
        byte[] v2 = [.. V2("[2001:db8::1]:7", "[::9]:443", new(0xE0, "vpc-1"u8.ToArray()), new(0xE1, [0xFF]), new(0xE2, [1, 2])), .. "bytes"u8];
        for (var piece = 1; piece < v2.Length; piece += 20)
        {
            (await AnswerAsync(h, v2, piece)).ShouldBe("[2001:db8::1]:7 [::9]:443 id=vpc-1 x=\uFFFD tlvs=225,226 5");
        }

        (await AnswerAsync(h, [.. "PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\nbytes"u8], pieceBytes: 1)).ShouldBe("1.2.3.4:9 5.6.7.8:443 id=null x=null tlvs= 5");
        (await AnswerAsync(h, [.. "PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\n"u8])).ShouldBe("1.2.3.4:9 5.6.7.8:443 id=null x=null tlvs= 0");
        h.Counter("proxy_proto.versions.v1.found").ShouldBe(2);
        h.Counter("proxy_proto.versions.v2.found").ShouldBeGreaterThan(3);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ProxyProtocol_WithoutGoodHeader_Closes(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind);
        await h.StartAsync(Filtered(new ExtensionConfig(ProxyProtocol, new ProxyProtocolListenerConfig { StatPrefix = "in" })));
        await ClosesAsync(h, [.. "GET / HTTP/1.1\r\n\r\n"u8]);
        await ClosesAsync(h, [.. "PROXY TCP4 1.2.3.4\r\n"u8]);
        await ClosesAsync(h, [.. ProxyProtocolParser.V2Signature, 0x21, 0x12, 0, 12, .. new byte[12]]);
        foreach (var none in (string[])["TCP4 0.0.0.0 1.2.3.4", "TCP4 1.2.3.4 224.0.0.1", "TCP4 255.255.255.255 1.2.3.4", "TCP6 :: ::1", "TCP6 ::1 ff02::1"])
        {
            await ClosesAsync(h, Encoding.ASCII.GetBytes($"PROXY {none} 1 2\r\n"));
        }

        h.Counter("proxy_proto.in.not_found_disallowed").ShouldBe(1);
        h.Counter("proxy_proto.in.versions.v1.error").ShouldBe(6);
        h.Counter("proxy_proto.in.versions.v2.error").ShouldBe(1);
        h.Counter("proxy_proto.in.versions.v1.found").ShouldBe(0);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ProxyProtocol_ThatMayBeMissing_LetsOtherBytesThrough(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("tell", static () => new TellFilter("tell"));
        await h.StartAsync(Filtered(new ExtensionConfig(ProxyProtocol, new ProxyProtocolListenerConfig
        {
            AllowRequestsWithoutProxyProtocol = true,
            DisallowedVersions = [ProxyProtocolVersion.V1],
        })) with
        { FilterChains = [Chain("tell")] });
        (await AnswerAsync(h, [.. "PROXI"u8], pieceBytes: 1)).ShouldBe("tell  5");
        (await AnswerAsync(h, [.. "PROXY UNKNOWN\r\n"u8])).ShouldBe("tell  15"); // a disallowed version is no header
        (await AnswerAsync(h, [.. V2("1.2.3.4:5", "1.2.3.4:5"), .. "x"u8])).ShouldBe("tell  1");
        h.Counter("proxy_proto.not_found_allowed").ShouldBe(2);
        h.Counter("proxy_proto.versions.v1.disallowed").ShouldBe(0);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ProxyProtocol_OfADisallowedVersion_Closes(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind);
        await h.StartAsync(Filtered(new ExtensionConfig(ProxyProtocol, new ProxyProtocolListenerConfig { DisallowedVersions = [ProxyProtocolVersion.V2] })));
        await ClosesAsync(h, V2("1.2.3.4:5", "1.2.3.4:5"));
        h.Counter("proxy_proto.versions.v2.disallowed").ShouldBe(1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ProxyProtocol_ThenTlsInspector_ReadsTheHelloBehindTheHeader(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("tell", static () => new TellFilter("tell"));
        await h.StartAsync(Filtered(
            new ExtensionConfig(ProxyProtocol, new ProxyProtocolListenerConfig()), new ExtensionConfig(TlsInspector, new TlsInspectorConfig())) with
        { FilterChains = [Chain("tell", new FilterChainMatchConfig { ServerNames = ["*.example.com"] })] });
        var hello = ClientHelloBytes.Typical().Records();
        byte[] bytes = [.. "PROXY UNKNOWN\r\n"u8, .. hello];
        (await AnswerAsync(h, bytes)).ShouldBe($"tell www.example.com {hello.Length}");
        (await AnswerAsync(h, bytes, pieceBytes: 16)).ShouldBe($"tell www.example.com {hello.Length}");
        await h.NothingIsLeftAsync();
    }

    [Fact]
    public void Configs_ThatCannotBe_AreRefusedWithTheirPath()
    {
        var errors = new ConfigErrors();
        new TlsInspectorConfigValidator().Validate(new TlsInspectorConfig { MaxClientHelloSize = 255 }, errors);
        new ProxyProtocolListenerConfigValidator().Validate(
            new ProxyProtocolListenerConfig
            {
                Rules = [new ProxyProtocolRuleConfig { TlvType = 256, OnTlvPresent = new ProxyProtocolKeyConfig { Key = "" } }],
                DisallowedVersions = [ProxyProtocolVersion.V1, ProxyProtocolVersion.V2],
                PassThroughTlvs = new ProxyProtocolPassThroughTlvsConfig { TlvType = [1, 256] },
            },
            errors);
        errors.All.Select(e => e.Path).ShouldBe(
            ["max_client_hello_size", "rules[0].tlv_type", "rules[0].on_tlv_present.key", "disallowed_versions", "pass_through_tlvs.tlv_type[1]"]);
    }

    private static ListenerConfig Filtered(params ExtensionConfig[] filters) => Listener() with { ListenerFilters = filters };

    private static byte[] V2(string source, string destination, params ProxyProtocolTlv[] tlvs)
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolWriter.TryWriteV2(output, NetworkAddress.Parse(source), NetworkAddress.Parse(destination), tlvs).ShouldBeTrue();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>What a chain's filter says of a connection that sends these bytes and then FIN.</summary>
    private static async Task<string> AnswerAsync(ServerHarness h, byte[] bytes, int pieceBytes = int.MaxValue)
    {
        using var client = await h.ConnectAsync();
        client.Socket.NoDelay = true;
        foreach (var piece in bytes.Chunk(pieceBytes))
        {
            await client.Socket.SendAsync(piece);
            await Task.Yield();
        }

        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        return await client.ReceiveAsync(1000);
    }

    private static async Task ClosesAsync(ServerHarness h, byte[] bytes)
    {
        using var client = await h.ConnectAsync();
        await client.Socket.SendAsync(bytes);
        await client.ShouldBeClosedAsync();
    }

    /// <summary>Reads to the end, then tells which chain it is of, the server name, and how much there was.</summary>
    private class TellFilter(string name) : ITerminalFilter
    {
        protected INetworkFilterCallbacks Callbacks { get; private set; } = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => Callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var data = new IoBuffer(Callbacks.Loop.Slabs);
            while ((await Callbacks.ReadAsync(data)).IsOk)
            {
            }

            var length = data.Length;
            data.Clear();
            data.Append(Encoding.UTF8.GetBytes($"{Text()} {length}"));
            await Callbacks.WriteAsync(data, endStream: true);
        }

        protected virtual string Text() => $"{name} {Callbacks.StreamInfo.RequestedServerName}";
    }

    private sealed class AddressTellFilter() : TellFilter("")
    {
        protected override string Text()
        {
            var info = Callbacks.StreamInfo;
            var metadata = info.DynamicMetadata;
            var tlvs = info.FilterState.Get(ProxyProtocolOptions.Key)?.Tlvs ?? [];
            return $"{info.DownstreamRemoteAddress} {info.DownstreamLocalAddress} id={metadata.Get(ProxyProtocol, "id")} x={metadata.Get("mine", "x")} tlvs={string.Join(',', tlvs.Select(t => t.Type))}";
        }
    }
}
