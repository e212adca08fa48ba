using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Streams;

/// <summary>What is known about a stream: an HTTP request, or a connection at layer 4. Filters, the router and the access log read and write it.</summary>
/// <remarks>
/// Belongs to the connection's worker. Pooled: valid until the stream's access log is written. Times are the loop's monotonic
/// microseconds (<c>EventLoop.NowUs</c>), except <see cref="StartTime"/>.
/// </remarks>
public sealed class StreamInfo
{
    private FilterState? _filterState;
    private DynamicMetadata? _dynamicMetadata;
    private StreamInfo? _parent;
    private StreamRouteInfo? _route;

    /// <summary>Moments after the start.</summary>
    public ref StreamTimings Timings => ref Route.Timings;

    /// <summary>Codec bytes to and from the downstream.</summary>
    public ref BytesMeter DownstreamBytes => ref Route.DownstreamBytes;

    /// <summary>Codec bytes to and from the upstream, over all attempts.</summary>
    public ref BytesMeter UpstreamBytes => ref Route.UpstreamBytes;

    /// <summary>The wall clock at the stream's first byte (at accept, for a connection).</summary>
    public DateTimeOffset StartTime { get; internal set; }

    /// <summary>The same moment in monotonic microseconds.</summary>
    public long StartUs { get; internal set; }

    /// <summary>When the stream ended; 0 while it lives.</summary>
    public long EndUs { get; internal set; }

    // Downstream.

    /// <summary>The client: the peer, or what x-forwarded-for or the PROXY protocol says of it.</summary>
    public NetworkAddress? DownstreamRemoteAddress { get; set; }

    /// <summary>The peer of the socket, whatever headers say.</summary>
    public NetworkAddress? DownstreamDirectRemoteAddress { get; set; }

    /// <summary>The address that the client connected to (the original destination, where a listener filter restored it).</summary>
    public NetworkAddress? DownstreamLocalAddress { get; set; }

    /// <summary>Unique within the server, from 1; 0 if there is no connection.</summary>
    public ulong ConnectionId { get; set; }

    /// <summary>The name in the client's TLS hello.</summary>
    public string? RequestedServerName { get; set; }

    /// <summary>What the client's TLS handshake has agreed on; null without TLS.</summary>
    public TlsInfo? DownstreamTls { get; internal set; }

    /// <summary>Why the downstream's transport socket failed (TLS); null if it did not.</summary>
    public string? DownstreamTransportFailureReason { get; set; }

    public StreamProtocol Protocol { get; set; }

    /// <summary>Envoy's <c>stream_id</c>: the request id, where one is kept.</summary>
    public string? StreamId { get; set; }

    // The answer.

    /// <summary>The status sent downstream; 0 if none was.</summary>
    public int ResponseCode { get; set; }

    /// <summary>Why it has this code: one of <see cref="StreamInfo.ResponseCodeDetails"/>' strings or a filter's own.</summary>
    public string? ResponseCodeDetails { get; set; }

    public ResponseFlags ResponseFlags { get; set; }

    /// <summary>Why the connection was closed, at layer 4.</summary>
    public string? ConnectionTerminationDetails { get; set; }

    /// <summary>Body bytes from the downstream (all bytes, at layer 4).</summary>
    public long BytesReceived { get; set; }

    /// <summary>Body bytes to the downstream (all bytes, at layer 4).</summary>
    public long BytesSent { get; set; }

    // Route and upstream.

    public string? RouteName
    {
        get => _route?.RouteName;
        set => Route.RouteName = value;
    }

    public string? VirtualHostName
    {
        get => _route?.VirtualHostName;
        set => Route.VirtualHostName = value;
    }

    public string? VirtualClusterName
    {
        get => _route?.VirtualClusterName;
        set => Route.VirtualClusterName = value;
    }

    /// <summary>The cluster that the route chose.</summary>
    public string? UpstreamClusterName
    {
        get => _route?.UpstreamClusterName;
        set => Route.UpstreamClusterName = value;
    }

    /// <summary>The host's address; of the last attempt, where there were several.</summary>
    public NetworkAddress? UpstreamHost
    {
        get => _route?.UpstreamHost;
        set => Route.UpstreamHost = value;
    }

    /// <summary>This side of the upstream connection.</summary>
    public NetworkAddress? UpstreamLocalAddress
    {
        get => _route?.UpstreamLocalAddress;
        set => Route.UpstreamLocalAddress = value;
    }

    /// <summary>The other side of the upstream connection.</summary>
    public NetworkAddress? UpstreamRemoteAddress
    {
        get => _route?.UpstreamRemoteAddress;
        set => Route.UpstreamRemoteAddress = value;
    }

    public ulong UpstreamConnectionId
    {
        get => _route?.UpstreamConnectionId ?? default;
        set => Route.UpstreamConnectionId = value;
    }

    public StreamProtocol UpstreamProtocol
    {
        get => _route?.UpstreamProtocol ?? default;
        set => Route.UpstreamProtocol = value;
    }

    /// <summary>What the TLS handshake with the upstream has agreed on; null without TLS.</summary>
    public TlsInfo? UpstreamTls
    {
        get => _route?.UpstreamTls;
        internal set => Route.UpstreamTls = value;
    }

    /// <summary>Why the upstream's transport socket failed (TLS).</summary>
    public string? UpstreamTransportFailureReason
    {
        get => _route?.UpstreamTransportFailureReason;
        set => Route.UpstreamTransportFailureReason = value;
    }

    /// <summary>How often the upstream was tried; 0 if never.</summary>
    public int AttemptCount
    {
        get => _route?.AttemptCount ?? default;
        set => Route.AttemptCount = value;
    }

    /// <summary>Whether it is a health check request.</summary>
    public bool IsHealthCheck { get; set; }

    /// <summary>What filters left for each other. A request's state falls through to its connection's.</summary>
    public FilterState FilterState
    {
        get
        {
            var state = _filterState ??= new FilterState();
            state.Parent ??= _parent?.FilterState;
            return state;
        }
    }

    /// <summary>Made on first use, so that an idle connection does without.</summary>
    private StreamRouteInfo Route => _route ??= new StreamRouteInfo();

    public DynamicMetadata DynamicMetadata => _dynamicMetadata ??= new DynamicMetadata();

    /// <summary>Whether anybody has asked for filter state, here or on the connection: a look-up otherwise would allocate for nothing.</summary>
    internal bool HasFilterState => _filterState is { Count: > 0 } || (_parent?.HasFilterState ?? false);

    internal bool HasDynamicMetadata => _dynamicMetadata is { Count: > 0 };

    /// <summary>Adds flags to those set before.</summary>
    public void AddResponseFlag(ResponseFlags flags) => ResponseFlags |= flags;

    public bool HasResponseFlag(ResponseFlags flag) => (ResponseFlags & flag) != 0;

    /// <summary>Begins a connection, or a request without one.</summary>
    internal void Start(DateTimeOffset utcNow, long nowUs)
    {
        StartTime = utcNow;
        StartUs = nowUs;
    }

    /// <summary>Begins a request on a connection: takes its addresses, id and server name, and lets filter state fall through to it.</summary>
    internal void StartRequest(StreamInfo connection, DateTimeOffset utcNow, long nowUs)
    {
        _parent = connection;
        StartTime = utcNow;
        StartUs = nowUs;
        DownstreamRemoteAddress = connection.DownstreamRemoteAddress;
        DownstreamDirectRemoteAddress = connection.DownstreamDirectRemoteAddress;
        DownstreamLocalAddress = connection.DownstreamLocalAddress;
        ConnectionId = connection.ConnectionId;
        RequestedServerName = connection.RequestedServerName;
        DownstreamTls = connection.DownstreamTls;
        DownstreamTransportFailureReason = connection.DownstreamTransportFailureReason;
    }

    /// <summary>Forgets everything, for the next stream.</summary>
    internal void Reset()
    {
        _filterState?.Reset();
        _dynamicMetadata?.Reset();
        _parent = null;
        _route?.Reset();
        StartTime = default;
        StartUs = 0;
        EndUs = 0;
        DownstreamRemoteAddress = null;
        DownstreamDirectRemoteAddress = null;
        DownstreamLocalAddress = null;
        ConnectionId = 0;
        RequestedServerName = null;
        DownstreamTls = null;
        DownstreamTransportFailureReason = null;
        Protocol = StreamProtocol.None;
        StreamId = null;
        ResponseCode = 0;
        ResponseCodeDetails = null;
        ResponseFlags = ResponseFlags.None;
        ConnectionTerminationDetails = null;
        BytesReceived = 0;
        BytesSent = 0;
        IsHealthCheck = false;
    }
}
