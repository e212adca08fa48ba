using MeshProxy.Core.Hosting;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Samples.DocSnippets;

/// <summary>docs/tls.md.</summary>
internal static class Tls
{
    public static void Both(MeshProxyBuilder proxy)
    {
        proxy.Listener("https", "[::]:8443", listener => listener
            .FilterChain(chain => chain
                .Tls(tls => tls
                    .Certificate("example.com.pem", "example.com.key")
                    .Certificate("example.org.pem", "example.org.key")
                    .Alpn("h2", "http/1.1")
                    .ClientCa("clients.pem", require: true))
                .TcpProxy("https", "orders")));

        proxy.Cluster("orders", cluster => cluster
            .Endpoint("10.0.0.1:8443")
            .Tls(tls => tls.Sni("orders.internal").TrustedCa("ca.pem").Certificate("me.pem", "me.key")));
    }

    public static void Watched(MeshProxyBuilder proxy)
    {
        var secrets = new FileTlsSecretProvider("tls.crt", "tls.key", trustedCa: "ca.crt", interval: TimeSpan.FromSeconds(30));
        proxy.Listener("watched", "[::]:9443", listener => listener
            .FilterChain(chain => chain.Tls(tls => tls.Secrets(secrets)).Echo()));
    }
}
