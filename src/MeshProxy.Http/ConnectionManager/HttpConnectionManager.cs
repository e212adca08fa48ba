using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// The HTTP connection manager (envoy.filters.network.http_connection_manager): a terminal network filter that turns a
/// connection's bytes into streams and runs each through the HTTP filters.
/// </summary>
/// <remarks>Made on the control side from one config; immutable, shared by all workers. Per-worker state is in <see cref="HttpWorker"/>.</remarks>
internal sealed class HttpConnectionManager : INetworkFilterFactory
{
    public const string FilterName = "envoy.filters.network.http_connection_manager";

    private readonly HttpWorker[] _workers;
    private readonly IHttpFilterFactory[] _filters;
    private readonly Func<bool> _isDraining;
    private readonly ResponseMutation _responseMutation;
    private readonly RequestMutation _requestMutation;

    public HttpConnectionManager(HttpConnectionManagerConfig config, NetworkFilterFactoryContext context)
    {
        Config = config;
        Stats = new HttpConnectionManagerStats(context.Stats.Scope("http." + config.StatPrefix));
        Routes = RouteTable.Compile(config.RouteConfig);
        Codec = Http1CodecOptions.Downstream(config);
        Http2Stats = new Http2Stats(context.Stats);
        Protocols = new ProtocolSelector(config.CodecType);
        _isDraining = context.IsDraining;
        _requestMutation = new RequestMutation(config);
        _responseMutation = new ResponseMutation(config);
        StreamIdleTimeoutMs = (long)config.StreamIdleTimeout.TotalMilliseconds;
        RequestTimeoutMs = (long)config.RequestTimeout.TotalMilliseconds;
        RequestHeadersTimeoutMs = (long)config.RequestHeadersTimeout.TotalMilliseconds;
        MaxStreamDurationMs = (long)(config.CommonHttpProtocolOptions.MaxStreamDuration?.TotalMilliseconds ?? 0);
        IdleTimeoutMs = (long)config.CommonHttpProtocolOptions.IdleTimeout.TotalMilliseconds;
        MaxConnectionDurationMs = (long)(config.CommonHttpProtocolOptions.MaxConnectionDuration?.TotalMilliseconds ?? 0);
        DrainTimeoutMs = (long)config.DrainTimeout.TotalMilliseconds;
        DelayedCloseTimeoutMs = (int)config.DelayedCloseTimeout.TotalMilliseconds;
        MaxRequestsPerConnection = config.CommonHttpProtocolOptions.MaxRequestsPerConnection ?? 0;
        var registry = context.Registries.Get<HttpFilterRegistry>();
        var filterContext = new HttpFilterFactoryContext(context.Clusters, context.Workers)
        {
            Stats = Stats.Scope,
            LoggerFactory = context.LoggerFactory,
            Services = context.Services,
        };
        _filters = new IHttpFilterFactory[config.HttpFilters.Count];
        for (var i = 0; i < _filters.Length; i++)
        {
            _filters[i] = registry.Create(config.HttpFilters[i], filterContext);
        }

        _workers =
        [
            .. context.Workers.Select((w, i) => new HttpWorker(
                this, w, context.Clusters.ForWorker(w.Index), i < context.Diagnostics.Count ? context.Diagnostics[i] : new WorkerDiagnostics())),
        ];
        try
        {
            AccessLogs = context.AccessLogs?.CreateAll(config.AccessLog, AccessLogFormat.DefaultHttp, "http." + config.StatPrefix) ?? [];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public HttpConnectionManagerConfig Config { get; }

    public HttpConnectionManagerStats Stats { get; }

    public RouteTable Routes { get; }

    public Http1CodecOptions Codec { get; }

    public Http2Stats Http2Stats { get; }

    public ProtocolSelector Protocols { get; }

    public long StreamIdleTimeoutMs { get; }

    public long RequestTimeoutMs { get; }

    public long RequestHeadersTimeoutMs { get; }

    /// <summary>How long a head, or what may become one, may take from its first byte on; MaxValue: without end.</summary>
    public long HeadTimeoutMs => Math.Min(
        RequestHeadersTimeoutMs > 0 ? RequestHeadersTimeoutMs : long.MaxValue,
        StreamIdleTimeoutMs > 0 ? StreamIdleTimeoutMs : long.MaxValue);

    public long MaxStreamDurationMs { get; }

    public long IdleTimeoutMs { get; }

    public long MaxConnectionDurationMs { get; }

    public long DrainTimeoutMs { get; }

    public int DelayedCloseTimeoutMs { get; }

    public int MaxRequestsPerConnection { get; }

    public IAccessLog[] AccessLogs { get; } = [];

    public bool HasAccessLogs => AccessLogs.Length > 0;

    public bool IsDraining => _isDraining();

    bool INetworkFilterFactory.IsTerminal => true;

    INetworkFilterBase INetworkFilterFactory.Create(EventLoop worker) => new DownstreamConnection(_workers[worker.Index]);

    public HttpFilterChain CreateChain(HttpWorker worker)
    {
        var filters = new IStreamFilterBase[_filters.Length];
        for (var i = 0; i < filters.Length; i++)
        {
            filters[i] = _filters[i].Create(worker.Loop);
        }

        return new HttpFilterChain(filters);
    }

    /// <summary>Brings a new request's headers into the shape that filters see. False: it was answered.</summary>
    public bool PrepareRequest(ActiveStream stream, ClientIdentity client, bool upgrade)
    {
        var info = stream.StreamInfo;
        info.Protocol = stream.RequestHeaders.HttpVersion switch
        {
            10 => StreamProtocol.Http10,
            20 => StreamProtocol.Http2,
            _ => StreamProtocol.Http11,
        };
        if (info.Protocol == StreamProtocol.Http2 && stream.RequestHeaders.Authority.IsEmpty)
        {
            // HTTP/1's codec sees to it itself.
            stream.SendReplyWithoutFilters(400, "", ResponseCodeDetails.MissingHost, null);
            return false;
        }

        var result = _requestMutation.Apply(stream.RequestHeaders, client);
        if (!result.IsOk)
        {
            Refuse(stream, result);
            return false;
        }

        info.DownstreamRemoteAddress = client.AddressOf(result.Client);
        if (Config.SchemeHeaderTransformation is { SchemeToOverwrite: { Length: > 0 } scheme })
        {
            stream.RequestHeaders.SetScheme(scheme);
        }

        if (!Config.Proxy100Continue)
        {
            stream.RequestHeaders.Remove(HeaderNames.Expect); // the codec answers it
        }

        // The route that may allow an upgrade is selected by the path as it is now, normalised.
        if (upgrade && !IsUpgradeAllowed(stream))
        {
            stream.SendReplyWithoutFilters(403, "", ResponseCodeDetails.UpgradeFailed, null);
            return false;
        }

        return true;
    }

    /// <summary>Brings a response's headers into the shape that the downstream gets.</summary>
    public void PrepareResponse(ActiveStream stream, ResponseHeaders headers)
    {
        _responseMutation.Apply(headers, stream.RequestHeaders);
        if (!headers.Contains(HeaderNames.Date))
        {
            headers.Set(HeaderNames.Date, stream.Loop.HttpDate);
        }
    }

    public void Dispose()
    {
        foreach (var filter in _filters)
        {
            (filter as IDisposable)?.Dispose();
        }

        foreach (var log in AccessLogs)
        {
            log.Dispose();
        }
    }

    private static void Refuse(ActiveStream stream, MutationResult result)
    {
        var location = result.Location;
        stream.SendReplyWithoutFilters(
            result.Status, "", result.Details, location is null ? null : headers => headers.Set(HeaderNames.Location, location));
    }

    private bool IsUpgradeAllowed(ActiveStream stream)
    {
        var type = stream.RequestHeaders.Get(HeaderNames.Upgrade);
        if (stream.RequestHeaders.MethodIs(KnownMethod.Connect))
        {
            type = "CONNECT"u8;
        }

        foreach (var upgrade in stream.Route?.Config.Route?.UpgradeConfigs ?? [])
        {
            if (System.Text.Ascii.EqualsIgnoreCase(type, upgrade.UpgradeType))
            {
                return upgrade.Enabled;
            }
        }

        foreach (var upgrade in Config.UpgradeConfigs)
        {
            if (System.Text.Ascii.EqualsIgnoreCase(type, upgrade.UpgradeType))
            {
                return upgrade.Enabled;
            }
        }

        return false;
    }
}
