using MeshProxy.Core.Addresses;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Tests.Routing;
using MeshProxy.TestSupport;

namespace MeshProxy.Http.Tests.ConnectionManager;

public sealed class RequestMutationTests
{
    private const string Spoofed = "203.0.113.128, 203.0.113.10, 203.0.113.1";

    private static readonly HttpConnectionManagerConfig Plain = new() { StatPrefix = "test", RouteConfig = new() };
    private static readonly HttpConnectionManagerConfig Edge = Plain with { UseRemoteAddress = true };

    /// <summary>The situations of Envoy's page on x-forwarded-for, in its order, and a few between them.</summary>
    public static TheoryData<string, bool, int, string, string?, string, string?, string?, bool> ForwardedFor => new()
    {
        // what, use_remote_address, hops, peer, x-forwarded-for: trusted client, x-forwarded-for upstream, x-envoy-external-address, internal
        { "edge", true, 0, "192.0.2.5", Spoofed, "192.0.2.5", Spoofed + ",192.0.2.5", "192.0.2.5", false },
        { "behind that edge", false, 0, "10.11.12.13", Spoofed + ", 192.0.2.5", "192.0.2.5", Spoofed + ", 192.0.2.5", null, false },
        { "edge behind two trusted", true, 2, "192.0.2.5", Spoofed, "203.0.113.10", Spoofed + ",192.0.2.5", "203.0.113.10", false },
        { "behind that edge", false, 2, "10.11.12.13", Spoofed + ", 192.0.2.5", "203.0.113.10", Spoofed + ", 192.0.2.5", null, false },
        { "internal client", false, 0, "10.20.30.40", null, "10.20.30.40", null, null, false },
        { "internal client by a proxy", false, 0, "10.20.30.50", "10.20.30.40", "10.20.30.40", "10.20.30.40", null, true },
        { "internal client at the edge", true, 0, "10.20.30.40", null, "10.20.30.40", "10.20.30.40", null, true },
        { "edge, no header", true, 0, "192.0.2.5", null, "192.0.2.5", "192.0.2.5", "192.0.2.5", false },
        { "edge, internal peer that forwards", true, 0, "10.20.30.40", "10.1.1.1", "10.20.30.40", "10.1.1.1,10.20.30.40", "10.20.30.40", false },
        { "two trusted, one entry", true, 2, "192.0.2.5", "203.0.113.1", "192.0.2.5", "203.0.113.1,192.0.2.5", "192.0.2.5", false },
        { "one trusted, no address", true, 1, "192.0.2.5", "unknown", "192.0.2.5", "unknown,192.0.2.5", "192.0.2.5", false },
        { "behind, no address", false, 0, "10.20.30.40", "10.1.1.1:80", "10.20.30.40", "10.1.1.1:80", null, false },
        { "behind, two internal", false, 0, "10.20.30.40", "10.1.1.1, 10.1.1.2", "10.1.1.2", "10.1.1.1, 10.1.1.2", null, false },
        { "behind, IPv6", false, 0, "10.20.30.40", "fd00::1", "fd00::1", "fd00::1", null, true },
        { "edge, IPv6", true, 0, "2001:db8::5", null, "2001:db8::5", "2001:db8::5", "2001:db8::5", false },
        { "edge, mapped", true, 0, "::ffff:192.0.2.5", null, "::ffff:192.0.2.5", "192.0.2.5", "192.0.2.5", false },
        { "edge, ends with a comma", true, 1, "192.0.2.5", "203.0.113.1,", "192.0.2.5", "203.0.113.1,,192.0.2.5", "192.0.2.5", false },
    };

    [Theory]
    [MemberData(nameof(ForwardedFor))]
    public void Apply_ForwardedFor_FindsClientAsEnvoyDoes(
        string what, bool useRemoteAddress, int hops, string peer, string? header, string client, string? upstream, string? external, bool isInternal)
    {
        var config = Plain with
        {
            UseRemoteAddress = useRemoteAddress,
            XffNumTrustedHops = hops,
            InternalAddressConfig = InternalAddressConfig.PrivateNetworks,
        };
        var request = Requests.Get("/", "foo.com", [("x-envoy-internal", "spoofed"), .. header is null ? [] : new[] { ("x-forwarded-for", header) }]);

        var result = Apply(config, request, peer);

        result.IsOk.ShouldBeTrue();
        ((SocketAddress)result.Client.ToNetworkAddress()!).Address.ToString().ShouldBe(client, what);
        request["x-forwarded-for"].ShouldBe(upstream, what);
        request["x-envoy-external-address"].ShouldBe(external, what);
        request["x-envoy-internal"].ShouldBe(isInternal ? "true" : null, what);
        result.IsInternal.ShouldBe(isInternal, what);
    }

    [Fact]
    public void Apply_SeveralForwardedForLines_CountAsOneList()
    {
        var request = Requests.Get("/", "foo.com", ("x-forwarded-for", "203.0.113.1"), ("accept", "*/*"), ("X-Forwarded-For", "203.0.113.2"));

        var result = Apply(Edge with { XffNumTrustedHops = 1 }, request, "192.0.2.5");

        request.Values("x-forwarded-for").ShouldBe(["203.0.113.1,203.0.113.2,192.0.2.5"]);
        ((SocketAddress)result.Client.ToNetworkAddress()!).Address.ToString().ShouldBe("203.0.113.2");
    }

    [Fact]
    public void AddressOf_RequestsOfOneConnection_FollowsTheirClients()
    {
        var client = new ClientIdentity(Plain, NetworkAddress.Ip("10.0.0.1", 1), null);
        var mutation = new RequestMutation(Plain);

        AddressOf("203.0.113.1").ShouldBe(NetworkAddress.Ip("203.0.113.1", 0));
        AddressOf("203.0.113.1").ShouldBeSameAs(AddressOf("203.0.113.1"));
        AddressOf("203.0.113.2").ShouldBe(NetworkAddress.Ip("203.0.113.2", 0));
        AddressOf("unknown").ShouldBe(NetworkAddress.Ip("10.0.0.1", 1));

        NetworkAddress? AddressOf(string header) => client.AddressOf(mutation.Apply(Requests.Get("/", "foo.com", ("x-forwarded-for", header)), client).Client);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Apply_ForwardedForOfManyProxies_Is431(int lines)
    {
        var line = string.Join(',', Enumerable.Repeat("203.0.113.1", 2000 / lines));
        var request = Requests.Get("/", "foo.com", [.. Enumerable.Repeat(("x-forwarded-for", line), lines)]);

        var result = Apply(Edge, request, "192.0.2.5");

        result.IsOk.ShouldBeFalse();
        result.Status.ShouldBe(431);
    }

    [Fact]
    public void Apply_SkipXffAppend_LeavesHeaderAlone()
    {
        var request = Requests.Get("/", "foo.com", ("x-forwarded-for", "203.0.113.1"));

        Apply(Edge with { SkipXffAppend = true }, request, "192.0.2.5");

        request["x-forwarded-for"].ShouldBe("203.0.113.1");
    }

    [Theory]
    [InlineData(true, 0, "https", false, "http", "http")]
    [InlineData(true, 0, null, true, "https", "https")]
    [InlineData(true, 1, "https", false, "https", "https")]
    [InlineData(true, 1, null, false, "http", "http")]
    [InlineData(false, 0, "https", false, "https", "https")]
    [InlineData(false, 0, "ftp", true, "ftp", "https")]
    [InlineData(false, 0, null, false, "http", "http")]
    public void Apply_ForwardedProto_IsBelievedFromTrustedHopOnly(
        bool useRemoteAddress, int hops, string? sent, bool tls, string expected, string scheme)
    {
        var request = Requests.Get("/", "foo.com", [.. sent is null ? [] : new[] { ("x-forwarded-proto", sent) }]);

        Apply(Plain with { UseRemoteAddress = useRemoteAddress, XffNumTrustedHops = hops }, request, "192.0.2.5", tls);

        request["x-forwarded-proto"].ShouldBe(expected);
        System.Text.Encoding.ASCII.GetString(request.Scheme).ShouldBe(scheme);
    }

    [Theory]
    [InlineData(true, "192.0.2.5", false, false)]
    [InlineData(false, "192.0.2.5", false, true)]
    [InlineData(true, "10.0.0.1", true, true)]
    public void Apply_InternalHeaders_AreTakenFromOutsiders(bool useRemoteAddress, string peer, bool keepsInternal, bool keepsNotAtEdge)
    {
        string[] internalOnly =
        [
            "x-envoy-retriable-status-codes", "x-envoy-retriable-header-names", "x-envoy-retry-on", "x-envoy-retry-grpc-on", "x-envoy-max-retries",
            "x-envoy-upstream-alt-stat-name", "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-rq-per-try-timeout-ms",
            "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace", "x-envoy-ip-tags",
            "x-envoy-original-url", "x-envoy-hedge-on-per-try-timeout",
        ];
        string[] notAtEdge =
            ["x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node", "x-envoy-original-path"];
        var request = Requests.Get("/", "foo.com", [.. internalOnly.Concat(notAtEdge).Select(n => (n, "1")), ("x-envoy-other", "1")]);

        Apply(Plain with { UseRemoteAddress = useRemoteAddress, InternalAddressConfig = InternalAddressConfig.PrivateNetworks }, request, peer);

        internalOnly.Where(n => request.Contains(n)).ShouldBe(keepsInternal ? internalOnly : []);
        notAtEdge.Where(n => request.Contains(n)).ShouldBe(keepsNotAtEdge ? notAtEdge : []);
        request["x-envoy-other"].ShouldBe("1");
    }

    [Fact]
    public void Apply_UnixPeer_IsInternalWhereConfigured()
    {
        var config = Edge with { InternalAddressConfig = new() { UnixSockets = true } };
        var request = Requests.Get("/");
        var client = new ClientIdentity(config, new UnixSocketAddress("@test"), null);

        new RequestMutation(config).Apply(request, client).IsInternal.ShouldBeTrue();

        request["x-envoy-internal"].ShouldBe("true");
        request["x-forwarded-for"].ShouldBeNull();
    }

    [Theory]
    [InlineData(true, false, "192.0.2.5", false)]
    [InlineData(true, true, "192.0.2.5", true)]
    [InlineData(true, false, "10.0.0.1", true)]
    [InlineData(false, false, "192.0.2.5", true)]
    public void Apply_RequestIdSent_IsKeptFromTrusted(bool useRemoteAddress, bool preserve, string peer, bool kept)
    {
        var config = Plain with
        {
            UseRemoteAddress = useRemoteAddress,
            PreserveExternalRequestId = preserve,
            InternalAddressConfig = InternalAddressConfig.PrivateNetworks,
        };
        var request = Requests.Get("/", "foo.com", ("x-request-id", "sent"));

        Apply(config, request, peer);

        (request["x-request-id"] == "sent").ShouldBe(kept);
    }

    [Fact]
    public void Apply_NoRequestId_MakesUuid()
    {
        var ids = new HashSet<string>();
        var request = Requests.Get("/");
        for (var i = 0; i < 1000; i++)
        {
            request.Clear();
            request.SetPath("/"u8);
            Apply(Plain, request, "192.0.2.5");
            var id = request["x-request-id"].ShouldNotBeNull();
            id.ShouldMatch("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$");
            ids.Add(id).ShouldBeTrue();
        }
    }

    [Fact]
    public void Apply_GenerateRequestIdOff_AddsNone()
    {
        var request = Requests.Get("/");

        Apply(Edge with { GenerateRequestId = false }, request, "192.0.2.5");

        request.Contains(HeaderNames.XRequestId).ShouldBeFalse();
    }

    [Fact]
    public void Apply_ViaAndUserAgent_AreSet()
    {
        var request = Requests.Get("/", "foo.com", ("via", "1.0 a"), ("via", "1.1 b"));

        Apply(Plain with { Via = "1.1 mesh", AddUserAgent = true, ServerName = "gate" }, request, "192.0.2.5");

        request.Values("via").ShouldBe(["1.0 a", "1.1 b", "1.1 mesh"]);
        request["user-agent"].ShouldBe("gate");
        request["x-envoy-downstream-service-cluster"].ShouldBe("gate");
    }

    [Fact]
    public void Apply_UserAgentSent_IsKept()
    {
        var request = Requests.Get("/", "foo.com", ("user-agent", "curl"));

        Apply(Plain with { AddUserAgent = true }, request, "192.0.2.5");

        request["user-agent"].ShouldBe("curl");
    }

    [Theory]
    [InlineData("https://a.com/b", true)]
    [InlineData("https://a.com", true)]
    [InlineData("/b", false)]
    [InlineData("https://", false)]
    [InlineData("https:///b", false)]
    [InlineData("://a", false)]
    public void Apply_Referer_MustBeUrl(string referer, bool kept)
    {
        var request = Requests.Get("/", "foo.com", ("referer", referer));

        Apply(Plain, request, "192.0.2.5");

        request.Contains(HeaderNames.Referer).ShouldBe(kept);
    }

    [Fact]
    public void Apply_TwoReferers_RemovesBoth()
    {
        var request = Requests.Get("/", "foo.com", ("referer", "https://a.com"), ("referer", "https://b.com"));

        Apply(Plain, request, "192.0.2.5");

        request.Contains(HeaderNames.Referer).ShouldBeFalse();
    }

    [Theory]
    [InlineData("GET", "", 404, "missing_path_rejected")]
    [InlineData("GET", "a", 404, "absolute_path_rejected")]
    [InlineData("GET", "*", 404, "absolute_path_rejected")]
    [InlineData("OPTIONS", "*", 0, "")]
    [InlineData("CONNECT", "", 0, "")]
    [InlineData("CONNECT", "a", 404, "absolute_path_rejected")]
    public void Apply_PathThatIsNone_IsRefused(string method, string path, int status, string details)
    {
        var request = Requests.Connect("foo.com:443");
        request.SetMethod(method);
        if (path.Length > 0)
        {
            request.SetPath(path);
        }

        var result = Apply(Plain, request, "192.0.2.5");

        (result.Status, result.Details).ShouldBe((status, details));
    }

    [Fact]
    public void Apply_PathThatCannotBeNormalised_Is400()
    {
        var result = Apply(Plain with { NormalizePath = true }, Requests.Get("/a%00b"), "192.0.2.5");

        (result.Status, result.Details, result.Location).ShouldBe((400, "path_normalization_failed", null));
    }

    [Fact]
    public void Apply_EscapedSlashesToRedirect_Is307ToNormalisedPath()
    {
        var config = Plain with { PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.UnescapeAndRedirect, NormalizePath = true, MergeSlashes = true };

        var result = Apply(config, Requests.Get("/a%2F%2fb/%2e%2E%5Cc?d=%2F"), "192.0.2.5");

        (result.Status, result.Details, result.Location).ShouldBe((307, "path_normalization_failed", "/a/c?d=%2F"));
    }

    [Theory]
    [InlineData("/%2Fevil.example/a", "/.//evil.example/a")]
    [InlineData("/%5Cevil.example/a", "/./\\evil.example/a")]
    [InlineData("/a%2Fb", "/a/b")]
    public void Apply_EscapedSlashesToRedirect_NeverNamesAnotherHost(string path, string location)
    {
        var config = Plain with { PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.UnescapeAndRedirect };

        Apply(config, Requests.Get(path), "192.0.2.5").Location.ShouldBe(location);
    }

    [Theory]
    [InlineData("edge")]
    [InlineData("edge, forwarded")]
    [InlineData("trusted hop")]
    [InlineData("behind")]
    [InlineData("path")]
    [InlineData("two lines")]
    public void Apply_SteadyState_AllocatesNothing(string what)
    {
        var config = what switch
        {
            "trusted hop" => Edge with { XffNumTrustedHops = 1 },
            "behind" => Plain,
            "path" => Edge with { NormalizePath = true, MergeSlashes = true, StripAnyHostPort = true, StripTrailingHostDot = true },
            _ => Edge,
        };
        var mutation = new RequestMutation(config);
        var client = new ClientIdentity(config, NetworkAddress.Ip("192.0.2.5", 1234), null);
        var request = Requests.Get("/");
        var count = 0;
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Run();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);
        count.ShouldBe(1001);

        void Run()
        {
            request.Clear();
            request.SetMethod(KnownMethod.Get);
            request.SetPath("/a//b/../%41?c"u8);
            request.SetAuthority("foo.com.:80"u8);
            request.Add(HeaderNames.XEnvoyMaxRetries, "1"u8);
            if (what != "edge")
            {
                request.Add(HeaderNames.XForwardedFor, "203.0.113.1"u8);
            }

            if (what == "two lines")
            {
                request.Add(HeaderNames.XForwardedFor, "203.0.113.1"u8);
            }

            count += mutation.Apply(request, client).IsOk ? 1 : 0;
        }
    }

    private static MutationResult Apply(HttpConnectionManagerConfig config, RequestHeaders request, string peer, bool tls = false) =>
        new RequestMutation(config).Apply(request, new ClientIdentity(config, NetworkAddress.Ip(peer, 50000), null, NetworkAddress.Loopback(8080), tls));
}
