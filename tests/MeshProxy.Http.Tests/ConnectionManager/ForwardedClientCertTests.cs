using System.Net;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Tests.Routing;
using MeshProxy.TestSupport.Tls;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>x-forwarded-client-cert, by Envoy's five modes.</summary>
public sealed class ForwardedClientCertTests
{
    private const string FromClient = "Hash=beef";
    private const string Own = "By=spiffe://us;Hash=cafe";

    [Theory]
    [InlineData(ForwardClientCertDetails.Sanitize, true, FromClient, null)]
    [InlineData(ForwardClientCertDetails.Sanitize, true, null, null)]
    [InlineData(ForwardClientCertDetails.ForwardOnly, true, FromClient, FromClient)]
    [InlineData(ForwardClientCertDetails.ForwardOnly, false, FromClient, null)]
    [InlineData(ForwardClientCertDetails.AppendForward, true, FromClient, FromClient + "," + Own)]
    [InlineData(ForwardClientCertDetails.AppendForward, true, null, Own)]
    [InlineData(ForwardClientCertDetails.AppendForward, false, FromClient, null)]
    [InlineData(ForwardClientCertDetails.SanitizeSet, true, FromClient, Own)]
    [InlineData(ForwardClientCertDetails.SanitizeSet, false, FromClient, null)]
    [InlineData(ForwardClientCertDetails.AlwaysForwardOnly, false, FromClient, FromClient)]
    [InlineData(ForwardClientCertDetails.AlwaysForwardOnly, true, FromClient, FromClient)]
    public void Apply_Mode_KeepsAppendsOrReplaces(ForwardClientCertDetails mode, bool hasCertificate, string? before, string? after)
    {
        var request = Apply(new() { ForwardClientCertDetails = mode, StatPrefix = "t", RouteConfig = new() }, new TestTlsInfo { HasCertificate = hasCertificate }, before);

        request["x-forwarded-client-cert"].ShouldBe(after);
    }

    [Fact]
    public void Apply_WithoutTls_TakesTheHeaderOut()
    {
        var config = new HttpConnectionManagerConfig { ForwardClientCertDetails = ForwardClientCertDetails.AppendForward, StatPrefix = "t", RouteConfig = new() };

        Apply(config, tls: null, FromClient)["x-forwarded-client-cert"].ShouldBeNull();
    }

    [Fact]
    public void Apply_AppendToSeveralLines_OurElementIsTheLast()
    {
        var config = new HttpConnectionManagerConfig { ForwardClientCertDetails = ForwardClientCertDetails.AppendForward, StatPrefix = "t", RouteConfig = new() };
        var request = Requests.Get("/", "foo.com", [("x-forwarded-client-cert", FromClient), ("X-Forwarded-Client-Cert", "By=spiffe://us;Hash=f00d")]);

        new RequestMutation(config).Apply(request, new ClientIdentity(config, new SocketAddress(IPAddress.Loopback, 1), null, tls: new TestTlsInfo())).IsOk.ShouldBeTrue();

        var lines = new List<string>();
        foreach (var header in request)
        {
            if (header.Id == HeaderId.XForwardedClientCert)
            {
                lines.Add(System.Text.Encoding.ASCII.GetString(header.Value));
            }
        }

        lines.ShouldBe([FromClient, "By=spiffe://us;Hash=f00d", Own]);
    }

    [Fact]
    public void Apply_AllDetails_AreInEnvoysOrder()
    {
        var request = Apply(Set(new() { Cert = true, Chain = true, Subject = true, Uri = true, Dns = true }), new TestTlsInfo(), null);

        request["x-forwarded-client-cert"].ShouldBe(
            "By=spiffe://us;Hash=cafe;Cert=\"pem\";Chain=\"pempem\";Subject=\"CN=client\";URI=spiffe://client;DNS=a.example;DNS=b.example");
    }

    [Fact]
    public void Apply_NamesThatLookLikeElements_AreQuoted()
    {
        var tls = new TestTlsInfo { Uris = ["spiffe://x,Hash=f00d;By=evil"], Dns = ["a\"b"] };

        Apply(Set(new() { Uri = true, Dns = true }), tls, null)["x-forwarded-client-cert"]
            .ShouldBe(Own + ";URI=\"spiffe://x,Hash=f00d;By=evil\";DNS=\"a\\\"b\"");
    }

    [Fact]
    public void Apply_NoUriInTheCertificate_NamesTheKeyStill() =>
        Apply(Set(new() { Uri = true, Dns = true }), new TestTlsInfo { Uris = [], Dns = [] }, null)["x-forwarded-client-cert"].ShouldBe(Own + ";URI=");

    private static HttpConnectionManagerConfig Set(SetCurrentClientCertDetailsConfig details) => new()
    {
        StatPrefix = "t",
        RouteConfig = new(),
        ForwardClientCertDetails = ForwardClientCertDetails.SanitizeSet,
        SetCurrentClientCertDetails = details,
    };

    private static RequestHeaders Apply(HttpConnectionManagerConfig config, TlsInfo? tls, string? before)
    {
        var request = Requests.Get("/", "foo.com", before is null ? [] : [("x-forwarded-client-cert", before)]);
        var client = new ClientIdentity(config, new SocketAddress(IPAddress.Loopback, 1), null, tls: tls);
        var mutation = new RequestMutation(config);
        mutation.Apply(request, client).IsOk.ShouldBeTrue();
        request["x-forwarded-proto"].ShouldBe(tls is null ? "http" : "https");
        return request;
    }
}
