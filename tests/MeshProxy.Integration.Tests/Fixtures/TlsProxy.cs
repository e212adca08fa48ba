using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>HTTP proxies with the certificates of <see cref="TlsFiles"/>.</summary>
internal static class TlsProxy
{
    /// <summary>Takes HTTP/1.1 and HTTP/2 on one port, in clear or over TLS.</summary>
    public static Task<Proxy> StartAsync(
        TlsFiles files, string upstream, bool tls, bool clientCa = false, Action<ClusterBuilder>? cluster = null, int concurrency = 2) => Proxy.StartAsync(
        builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.Configure(l => l with { StatPrefix = Proxy.Ingress }).FilterChain(chain =>
            {
                if (tls)
                {
                    chain.Tls(t =>
                    {
                        t.Certificate(files.ServerCertificate, files.ServerKey).Alpn("h2", "http/1.1");
                        if (clientCa)
                        {
                            t.ClientCa(files.Ca);
                        }
                    });
                }

                // Kestrel insists on the scheme of its own connection.
                chain.HttpConnectionManager(Proxy.Ingress, manager => manager
                    .With(config => config with { SchemeHeaderTransformation = new SchemeHeaderTransformation { MatchUpstream = true } })
                    .RouteAllTo(Proxy.Service));
            }))
            .Cluster(Proxy.Service, c =>
            {
                c.Endpoints(upstream);
                cluster?.Invoke(c);
            }),
        concurrency);

    /// <summary>The proxy's URL.</summary>
    public static string Url(this Proxy proxy, bool tls, string path = "/") => $"{(tls ? "https" : "http")}://127.0.0.1:{proxy.Port}{path}";
}
