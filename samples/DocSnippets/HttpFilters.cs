using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Config;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace MeshProxy.Samples.DocSnippets;

/// <summary>docs/http-filters.md, docs/http.md, docs/http2.md, docs/routing.md, docs/upstream.md, docs/grpc.md, docs/websocket.md and docs/access-logs.md.</summary>
internal static class HttpFilters
{
    public static void Register(MeshProxyBuilder proxy)
    {
        proxy.AddHttpFilter<QuotaConfig>(
            "acme.quota",
            (config, context) => new QuotaFilter(config, context.Services!.GetRequiredService<QuotaService>()),
            new QuotaConfigValidator());
    }

    public static void PerRoute(HttpConnectionManagerBuilder http)
    {
        http.Filter("acme.quota", new QuotaConfig { Limit = 100 })
            .VirtualHost("all", ["*"], host => host
                .Route(new RouteConfig
                {
                    Name = "upload",
                    Match = new RouteMatchConfig { PathSeparatedPrefix = "/upload" },
                    Route = new RouteActionConfig { Cluster = "files", Timeout = TimeSpan.FromMinutes(5) },
                    TypedPerFilterConfig = [new ExtensionConfig("acme.quota", new QuotaConfig { Limit = 5 })],
                })
                .Prefix("/", "orders"));
    }

    public static void Grpc(MeshProxyBuilder proxy)
    {
        proxy.Listener("grpc", "127.0.0.1:10000", listener => listener.FilterChain(chain => chain
                .HttpConnectionManager("grpc", http => http
                    .VirtualHost("all", ["*"], host => host
                        .GrpcService("acme.Orders", "orders", maxTimeout: TimeSpan.FromMinutes(1))))))
            .Cluster("orders", cluster => cluster.Endpoints("127.0.0.1:9000").Http2());
    }

    public static void WebSocket(HttpConnectionManagerBuilder http)
    {
        http.With(config => config with
        {
            UpgradeConfigs = [new UpgradeConfig("websocket")],
            Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true },
        })
        .VirtualHost("all", ["*"], host => host
            .Route(new RouteConfig
            {
                Match = new RouteMatchConfig { Prefix = "/chat" },
                Route = new RouteActionConfig { Cluster = "chat", IdleTimeout = TimeSpan.FromHours(1) },
            })
            .Route(new RouteConfig
            {
                Match = new RouteMatchConfig { Prefix = "/" },
                Route = new RouteActionConfig { Cluster = "orders", UpgradeConfigs = [new UpgradeConfig("websocket", Enabled: false)] },
            }));
    }

    public static void Settings(HttpConnectionManagerBuilder http)
    {
        http.With(config => config with
        {
            UseRemoteAddress = true,
            NormalizePath = true,
            MergeSlashes = true,
            RequestHeadersTimeout = TimeSpan.FromSeconds(10),
            UpgradeConfigs = [new UpgradeConfig("websocket")],
            CommonHttpProtocolOptions = config.CommonHttpProtocolOptions with { MaxRequestsPerConnection = 10_000 },
        });
    }

    public static void Http2(HttpConnectionManagerBuilder http)
    {
        http.With(config => config with
        {
            DrainTimeout = TimeSpan.FromSeconds(10),
            Http2ProtocolOptions = config.Http2ProtocolOptions with
            {
                MaxConcurrentStreams = 100,
                AllowConnect = true,
                ConnectionKeepalive = new KeepaliveSettings { Interval = TimeSpan.FromSeconds(30), Timeout = TimeSpan.FromSeconds(5) },
            },
        });
    }

    public static void AccessLogs(HttpConnectionManagerBuilder http)
    {
        http.With(config => config with
        {
            AccessLog =
            [
                new AccessLogConfig { Path = "/var/log/mesh/ingress.log" },
                new AccessLogConfig { Logger = "Ingress", Format = "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" },
            ],
        });
    }

    public static void Cluster(MeshProxyBuilder proxy)
    {
        proxy.Cluster("orders", cluster => cluster
            .Endpoint("10.0.0.1:8080", weight: 3)
            .Endpoint("10.0.0.2:8080")
            .ConnectTimeout(TimeSpan.FromSeconds(1))
            .Configure(config => config with
            {
                CircuitBreakers = new() { DefaultPriority = new() { MaxConnections = 256, MaxPendingRequests = 64, MaxRequests = 512 } },
                CommonHttpProtocolOptions = new() { IdleTimeout = TimeSpan.FromMinutes(1), MaxRequestsPerConnection = 10_000 },
            }));
    }

    public static void Http2Clusters(MeshProxyBuilder proxy)
    {
        proxy.Cluster("grpc", cluster => cluster.Endpoints("10.0.0.1:50051").Http2())
            .Cluster("either", cluster => cluster
                .Endpoints("10.0.0.2:443")
                .Tls(tls => tls.Sni("either.internal").TrustedCa("/etc/certs/ca.pem"))
                .AutoHttp())
            .Cluster("mirror", cluster => cluster.Endpoints("10.0.0.3:8080").UseDownstreamProtocol(new Http2ProtocolOptions
            {
                MaxConcurrentStreams = 100,
                ConnectionKeepalive = new KeepaliveSettings { Interval = TimeSpan.FromSeconds(30), Timeout = TimeSpan.FromSeconds(5) },
            }))
            .Cluster("egress", cluster => cluster
                .Endpoints("10.0.0.4:443")
                .Tls(tls => tls.TrustedCa("/etc/certs/ca.pem"))
                .Http2()
                .HttpProtocol(http => http with
                {
                    UpstreamHttpProtocolOptions = new UpstreamHttpProtocolOptions { AutoSni = true, AutoSanValidation = true },
                }));
    }

    public static void TcpOverConnect(VirtualHostBuilder host)
    {
        host.Route(new RouteConfig
        {
            Match = new RouteMatchConfig { ConnectMatcher = true },
            Route = new RouteActionConfig { Cluster = "db", UpgradeConfigs = [new UpgradeConfig("CONNECT") { ConnectConfig = new ConnectConfig() }] },
        });
    }
}

sealed class QuotaFilter(QuotaConfig config, QuotaService quotas) : HttpFilter
{
    private static readonly HeaderName ApiKey = "x-api-key";

    public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        var limit = (Callbacks.RouteConfig<QuotaConfig>("acme.quota") ?? config).Limit;
        var key = headers.GetString(ApiKey) ?? "";
        if (await quotas.TakeAsync(key, limit, Callbacks.Aborted))
        {
            return FilterStatus.Continue;
        }

        Callbacks.StreamInfo.AddResponseFlag(ResponseFlags.RateLimited);
        Callbacks.SendLocalReply(429, "slow down\n", "acme_quota_exceeded", reply => reply.Set("retry-after", "1"));
        return FilterStatus.StopIteration;
    }
}

sealed record QuotaConfig
{
    public required int Limit { get; init; }
}

sealed class QuotaConfigValidator : IConfigValidator<QuotaConfig>
{
    public void Validate(QuotaConfig config, ConfigErrors errors) => errors.RequireRange(config.Limit, 1, 10_000, "limit");
}

sealed class SignatureFilter : HttpFilter
{
    public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        if (await Callbacks.BufferRequestBodyAsync(maxBytes: 64 * 1024) is not { } body)
        {
            return FilterStatus.StopIteration; // answered with 413, or the client has gone
        }

        headers.Set("x-body-length", body.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return FilterStatus.Continue;
    }
}

sealed class CountingFilter : HttpFilter, IReusableFilter
{
    private long _bytes;

    public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        _bytes += data.Length;
        return default;
    }

    public void Reset() => _bytes = 0;
}

internal sealed class QuotaService
{
    public ValueTask<bool> TakeAsync(string key, int limit, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? ValueTask.FromCanceled<bool>(cancellation) : new(Encoding.UTF8.GetByteCount(key) < limit);
}
