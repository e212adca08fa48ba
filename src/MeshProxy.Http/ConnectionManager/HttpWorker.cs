using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.ConnectionManager.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What one worker keeps for one connection manager: recycled streams and filter chains. Worker thread only.</summary>
internal sealed class HttpWorker(HttpConnectionManager shared, EventLoop loop, WorkerClusters clusters, WorkerDiagnostics diagnostics)
{
    private const int MaxRecycled = 1024;

    private readonly Stack<ActiveStream> _streams = new();
    private readonly Stack<HttpFilterChain> _chains = new();
    private readonly Stack<Http1ServerCodec> _codecs = new();
    private readonly Stack<Http2ServerStream> _http2Streams = new();
    private readonly HttpAccessLogEntry _logEntry = new();

    private Http2CodecOptions? _http2Options;

    public HttpConnectionManager Shared { get; } = shared;

    public EventLoop Loop { get; } = loop;

    public WorkerClusters Clusters { get; } = clusters;

    public ClientLinesCache ClientLines { get; } = new(shared.Config);

    /// <summary>The codec's streams of this worker's downstream connections.</summary>
    public Http2StreamPool Http2Streams { get; } = new(loop.Slabs);

    /// <summary>A 100, for requests that expect one.</summary>
    public ResponseHeaders ContinueHeaders { get; } = new(loop.Slabs) { Status = 100 };

    /// <summary>What requests need to know of who has connected.</summary>
    public ClientIdentity IdentityOf(Connection connection) =>
        new(Shared.Config, connection.RemoteAddress, connection.DirectRemoteAddress, connection.LocalAddress, tls: connection.Tls, lines: ClientLines);

    /// <summary>The protocol that TLS has agreed upon; null if none.</summary>
    public static string? AlpnOf(Connection connection) => connection.Tls?.ApplicationProtocol;

    public ServerConnection CreateProtocol(ProtocolChoice choice, DownstreamConnection connection) =>
        choice == ProtocolChoice.Http2 ? new Http2ServerConnection(connection) : new Http1ServerConnection(connection);

    public Http2CodecOptions Http2OptionsFor(Connection connection)
    {
        if (_http2Options is null || _http2Options.HighWatermarkBytes != connection.BufferLimitBytes)
        {
            _http2Options = Http2CodecOptions.Downstream(Shared.Config, connection.BufferLimitBytes);
        }

        return _http2Options;
    }

    public Http2ServerStream RentHttp2Stream() => _http2Streams.TryPop(out var stream) ? stream : new Http2ServerStream(this);

    public void Return(Http2ServerStream stream)
    {
        if (_http2Streams.Count < MaxRecycled)
        {
            _http2Streams.Push(stream);
        }
    }

    public void OnStreamBegin(bool isHttp2)
    {
        diagnostics.ActiveStreams++;
        var stats = Shared.Stats;
        stats.RequestsTotal.Increment();
        (isHttp2 ? stats.Http2RequestsTotal : stats.Http1RequestsTotal).Increment();
        stats.RequestsActive.Add(1);
    }

    /// <summary>Counts and logs a stream that is over.</summary>
    public void OnStreamEnd(ActiveStream stream)
    {
        diagnostics.ActiveStreams--;
        var info = stream.StreamInfo;
        var stats = Shared.Stats;
        info.EndUs = Loop.NowUs;
        stats.RequestsActive.Add(-1);
        if (stream.ResponseStarted)
        {
            stats.Responses.Record(info.ResponseCode);
        }

        stats.RequestTimeMs.Record((info.EndUs - info.StartUs) / 1000);
        if (Shared.HasAccessLogs)
        {
            Log(stream);
        }
    }

    /// <summary>A stream has ended (1), or ends at last (-1), with a filter's call outstanding.</summary>
    public void CountZombie(int change)
    {
        diagnostics.OutstandingFilterCalls += change;
        Shared.Stats.ZombieStreams.Add(change);
    }

    public ActiveStream Rent() => _streams.TryPop(out var stream) ? stream : new ActiveStream(this);

    public void Return(ActiveStream stream)
    {
        if (_streams.Count < MaxRecycled)
        {
            _streams.Push(stream);
        }
    }

    public Http1ServerCodec RentCodec(INetworkFilterCallbacks callbacks)
    {
        if (!_codecs.TryPop(out var codec))
        {
            codec = new Http1ServerCodec(Shared.Codec, Loop.Slabs);
        }

        codec.Attach(callbacks);
        return codec;
    }

    public void Return(Http1ServerCodec codec)
    {
        codec.Reset();
        if (_codecs.Count < MaxRecycled)
        {
            _codecs.Push(codec);
        }
    }

    public HttpFilterChain RentChain() => _chains.TryPop(out var chain) ? chain : Shared.CreateChain(this);

    /// <summary>Ends the filters' life, and keeps the chain if all of them can start another.</summary>
    public void ReturnChain(HttpFilterChain chain)
    {
        var keep = chain.IsReusable && _chains.Count < MaxRecycled;
        if (chain.Destroy(Loop, keep) && keep)
        {
            _chains.Push(chain);
        }
    }

    private void Log(ActiveStream stream)
    {
        _logEntry.Set(stream);
        foreach (var log in Shared.AccessLogs)
        {
            try
            {
                log.Log(_logEntry);
            }
            catch (Exception exception)
            {
                Loop.ReportFault(exception, "an access log");
            }
        }

        _logEntry.Clear();
    }
}
