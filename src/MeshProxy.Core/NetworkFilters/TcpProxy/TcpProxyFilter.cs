using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>Relays one connection's bytes to a host of a cluster and back (envoy.filters.network.tcp_proxy).</summary>
/// <remarks>
/// Two pumps, one for each direction: read what has arrived, hand its slabs to the other connection, and read again when the unsent
/// bytes there are few enough. An end of stream is passed on after the bytes before it, and the other direction goes on; a reset of
/// one side resets the other. The downstream is read while the upstream connects, up to its buffer limit.
/// </remarks>
internal sealed class TcpProxyFilter(TcpProxyFilterFactory factory) : ITerminalFilter, IConnectionCallbacks
{
    private const int MaxDifferentHostTries = 5;

    private readonly TcpProxyFilterFactory _factory = factory;
    private readonly TcpProxyStats _stats = factory.Stats;
    private INetworkFilterCallbacks _callbacks = null!;
    private Connection _downstream = null!;
    private EventLoop _loop = null!;
    private IoBuffer _toUpstream = null!;
    private IoBuffer _toDownstream = null!;
    private LoopSource<bool> _upstreamWait = null!;
    private LoopSource<bool> _pumpsWait = null!;
    private UpstreamTcpConnection? _upstream;
    private ConnectAttempt? _attempt;
    private IdleTimer? _idleTimer;
    private DurationTimer? _durationTimer;
    private bool _upstreamReady;
    private bool _upstreamDone;
    private bool _ended;
    private int _pumps;

    private StreamInfo StreamInfo => _callbacks.StreamInfo;

    public void Initialize(INetworkFilterCallbacks callbacks)
    {
        _callbacks = callbacks;
        _downstream = callbacks.Connection;
        _loop = callbacks.Loop;
        _toUpstream = new IoBuffer(_loop.Slabs);
        _toDownstream = new IoBuffer(_loop.Slabs);
        _upstreamWait = new LoopSource<bool>(_loop);
        _pumpsWait = new LoopSource<bool>(_loop);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder))]
    public async ValueTask RunAsync()
    {
        _downstream.FilterCallbacks = this;
        _stats.ConnectionsTotal.Increment();
        if (_factory.MaxDurationMs > 0)
        {
            _durationTimer = new DurationTimer(this);
            _durationTimer.Arm(_factory.MaxDurationMs);
        }

        _pumps = 1;
        _ = RelayDownstream();
        if (await ConnectAsync())
        {
            _pumps++;
            _ = RelayUpstream();
            await SendEarlyBytesAsync();
        }
        else
        {
            End(downstream: CloseType.NoFlush, upstream: CloseType.NoFlush);
        }

        if (_pumps > 0)
        {
            await _pumpsWait.WaitAsync();
        }

        Finish();
    }

    public void OnDestroy() => _factory.OnConnectionEnded(StreamInfo);

    void IConnectionCallbacks.OnPeerReset()
    {
        // Told of either connection while its bytes wait for the other one.
        if (_downstream.IsBroken)
        {
            DownstreamReset();
        }
        else
        {
            UpstreamReset();
        }
    }

    void IConnectionCallbacks.OnClosed()
    {
        // Somebody else closed the downstream: another filter, or a listener that is done with waiting.
        if (_downstream.IsClosed)
        {
            End(downstream: CloseType.NoFlush, upstream: CloseType.NoFlush);
        }
    }

    /// <summary>The pump from the client to the upstream.</summary>
    private async LoopPump RelayDownstream()
    {
        try
        {
            while (true)
            {
                var read = await _callbacks.ReadAsync(_toUpstream);
                if (read.IsOk)
                {
                    _stats.ReceivedBytes.Add(read.Bytes);
                    StreamInfo.BytesReceived += read.Bytes;
                    if (!_upstreamReady && _toUpstream.Length < _downstream.BufferLimitBytes)
                    {
                        continue;
                    }
                }
                else if (read.Status != IoStatus.EndOfStream)
                {
                    DownstreamFailed(read.Status);
                    break;
                }

                if (!_upstreamReady && (_ended || !await _upstreamWait.WaitAsync()))
                {
                    break;
                }

                if (!await WriteUpstreamAsync(endStream: !read.IsOk) || !read.IsOk)
                {
                    break;
                }
            }
        }
        catch (Exception exception)
        {
            Fault(exception);
        }

        PumpEnded();
    }

    /// <summary>The pump from the upstream to the client.</summary>
    private async LoopPump RelayUpstream()
    {
        try
        {
            var upstream = _upstream!.Connection;
            while (true)
            {
                var read = await upstream.ReadAsync(_toDownstream);
                if (read.IsOk)
                {
                    _stats.SentBytes.Add(read.Bytes);
                    StreamInfo.BytesSent += read.Bytes;
                }
                else if (read.Status == IoStatus.Truncated)
                {
                    UpstreamTruncated();
                    break;
                }
                else if (read.Status != IoStatus.EndOfStream)
                {
                    UpstreamReset();
                    break;
                }

                if (!await WriteDownstreamAsync(endStream: !read.IsOk) || !read.IsOk)
                {
                    break;
                }
            }
        }
        catch (Exception exception)
        {
            Fault(exception);
        }

        _upstreamDone = true;
        PumpEnded();
    }

    private ValueTask<bool> WriteUpstreamAsync(bool endStream)
    {
        var upstream = _upstream!.Connection;
        var write = upstream.WriteAsync(_toUpstream, endStream);
        return write.IsCompletedSuccessfully ? new ValueTask<bool>(UpstreamTook(write.Result)) : WaitForUpstreamAsync(write);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitForUpstreamAsync(ValueTask<IoResult> write)
    {
        var buffered = _upstream!.Connection.BufferedBytes;
        _stats.PausedReading.Increment();
        _stats.ReceivedBytesBuffered.Add(buffered);
        var result = await write;
        _stats.ReceivedBytesBuffered.Sub(buffered);
        _stats.ResumedReading.Increment();
        return UpstreamTook(result);
    }

    private bool UpstreamTook(IoResult write)
    {
        if (!write.IsOk && _upstreamDone)
        {
            // Otherwise the other pump goes on: what the upstream sent before it broke is still to be read.
            UpstreamReset();
        }

        return write.IsOk;
    }

    private ValueTask<bool> WriteDownstreamAsync(bool endStream)
    {
        var write = _callbacks.WriteAsync(_toDownstream, endStream);
        return write.IsCompletedSuccessfully ? new ValueTask<bool>(DownstreamTook(write.Result)) : WaitForDownstreamAsync(write);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitForDownstreamAsync(ValueTask<IoResult> write)
    {
        var buffered = _downstream.BufferedBytes;
        var cluster = _upstream!.ClusterStats;
        cluster.PausedReading.Increment();
        _stats.SentBytesBuffered.Add(buffered);
        var result = await write;
        _stats.SentBytesBuffered.Sub(buffered);
        cluster.ResumedReading.Increment();
        return DownstreamTook(result);
    }

    private bool DownstreamTook(IoResult write)
    {
        if (!write.IsOk)
        {
            DownstreamFailed(write.Status);
        }

        return write.IsOk;
    }

    /// <summary>Tries hosts until one takes the connection. False: none did, and the flags say why.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> ConnectAsync()
    {
        var name = (StreamInfo.HasFilterState ? StreamInfo.FilterState.Get(TcpProxyFilterState.Cluster) : null)
            ?? _factory.PickCluster(_loop.Index);
        StreamInfo.UpstreamClusterName = name;
        if (_factory.ClustersOf(_loop.Index).Get(name) is not { } cluster)
        {
            _stats.NoRoute.Increment();
            StreamInfo.AddResponseFlag(ResponseFlags.NoClusterFound);
            return false;
        }

        _attempt = new ConnectAttempt(_loop);
        StreamInfo.Timings.UpstreamConnectStartUs = _loop.NowUs;
        Host? last = null;
        while (!_ended)
        {
            if (StreamInfo.AttemptCount >= _factory.MaxConnectAttempts)
            {
                StreamInfo.AddResponseFlag(ResponseFlags.UpstreamRetryLimitExceeded);
                cluster.Info.Stats.ConnectAttemptsExceeded.Increment();
                return false;
            }

            if (ChooseHost(cluster, last) is not { } host)
            {
                StreamInfo.AddResponseFlag(ResponseFlags.NoHealthyUpstream);
                cluster.Info.Stats.NoneHealthy.Increment();
                return false;
            }

            if (!UpstreamConnector.TryReserve(cluster))
            {
                StreamInfo.AddResponseFlag(ResponseFlags.UpstreamOverflow);
                return false;
            }

            last = host;
            StreamInfo.AttemptCount++;
            StreamInfo.UpstreamHost = host.Address;
            var connect = await UpstreamConnector.ConnectAsync(cluster, host, _attempt, TransportOptions(cluster));
            if (connect.Connection is { } connection)
            {
                Connected(new UpstreamTcpConnection(connection, cluster, host, _stats));
                return !_ended;
            }

            StreamInfo.UpstreamTransportFailureReason = connect.FailureReason;
            if (connect.Status != IoStatus.Aborted)
            {
                StreamInfo.AddResponseFlag(ResponseFlags.UpstreamConnectionFailure);
            }
        }

        return false;
    }

    /// <summary>The client, for a transport socket that tells the upstream of it. Null for plain bytes.</summary>
    private TransportSocketOptions? TransportOptions(WorkerCluster cluster) => cluster.Info.TransportSocket is null
        ? null
        : new TransportSocketOptions
        {
            DownstreamRemoteAddress = StreamInfo.DownstreamRemoteAddress,
            DownstreamLocalAddress = StreamInfo.DownstreamLocalAddress,
            ProxyProtocol = StreamInfo.HasFilterState ? StreamInfo.FilterState.Get(ProxyProtocolOptions.Key) : null,
        };

    /// <summary>The balancer's choice; on a repeated attempt another host than the one that has just failed, if the balancer gives one.</summary>
    private static Host? ChooseHost(WorkerCluster cluster, Host? failed)
    {
        var host = cluster.LoadBalancer.ChooseHost(default);
        for (var i = 0; host == failed && host is not null && i < MaxDifferentHostTries; i++)
        {
            host = cluster.LoadBalancer.ChooseHost(default);
        }

        return host;
    }

    private void Connected(UpstreamTcpConnection upstream)
    {
        _upstream = upstream;
        var connection = upstream.Connection;
        connection.FilterCallbacks = this;
        StreamInfo.UpstreamLocalAddress = connection.LocalAddress;
        StreamInfo.UpstreamRemoteAddress = connection.RemoteAddress;
        StreamInfo.UpstreamConnectionId = (ulong)connection.Id;
        StreamInfo.UpstreamTls = connection.Tls;
        StreamInfo.Timings.UpstreamConnectCompleteUs = _loop.NowUs;
        if (_ended)
        {
            connection.Close(CloseType.NoFlush);
        }
        else if (_factory.IdleTimeoutMs > 0)
        {
            _idleTimer = new IdleTimer(this);
            _idleTimer.Arm(_factory.IdleTimeoutMs);
        }
    }

    /// <summary>Sends what the client has sent during the connect; until that is done the downstream pump only collects.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder))]
    private async ValueTask SendEarlyBytesAsync()
    {
        while (!_toUpstream.IsEmpty && !_ended)
        {
            if (!await WriteUpstreamAsync(endStream: false))
            {
                break;
            }
        }

        _upstreamReady = !_ended;
        _upstreamWait.CompleteQueued(!_ended);
    }

    private void DownstreamFailed(IoStatus status)
    {
        if (status is IoStatus.Closed or IoStatus.Aborted)
        {
            // By this side: a filter has answered and taken the connection over.
            End(downstream: CloseType.FlushWrite, upstream: CloseType.NoFlush);
        }
        else if (status == IoStatus.Truncated)
        {
            // As Envoy: a close without the goodbye of TLS is a close of the whole connection; what has come goes on first.
            StreamInfo.AddResponseFlag(ResponseFlags.DownstreamConnectionTermination);
            End(downstream: CloseType.NoFlush, upstream: CloseType.FlushWrite);
        }
        else
        {
            DownstreamReset();
        }
    }

    private void DownstreamReset()
    {
        if (!_ended)
        {
            StreamInfo.AddResponseFlag(ResponseFlags.DownstreamConnectionTermination);
            End(downstream: CloseType.NoFlush, upstream: CloseType.Reset);
        }
    }

    private void UpstreamReset()
    {
        if (!_ended)
        {
            StreamInfo.AddResponseFlag(ResponseFlags.UpstreamConnectionTermination);
            End(downstream: CloseType.Reset, upstream: CloseType.NoFlush);
        }
    }

    /// <summary>The other way round: see <see cref="DownstreamFailed"/>.</summary>
    private void UpstreamTruncated()
    {
        if (!_ended)
        {
            StreamInfo.AddResponseFlag(ResponseFlags.UpstreamConnectionTermination);
            End(downstream: CloseType.FlushWrite, upstream: CloseType.NoFlush);
        }
    }

    private void Fault(Exception exception)
    {
        _loop.ReportFault(exception, "tcp_proxy");
        End(downstream: CloseType.Reset, upstream: CloseType.Reset);
    }

    /// <summary>Closes both sides before their time. The pumps then end from the ready queue.</summary>
    private void End(CloseType downstream, CloseType upstream)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        _attempt?.Abandon();
        _upstreamWait.CompleteQueued(false);
        Close(_downstream, downstream);
        if (_upstream is { } connected)
        {
            Close(connected.Connection, upstream);
        }
    }

    private void Close(Connection connection, CloseType how)
    {
        if (how == CloseType.Reset)
        {
            connection.FlushNow(); // what the other side sent right before its own reset
        }

        connection.Close(how, FlushTimeoutMs);
    }

    private void PumpEnded()
    {
        if (--_pumps == 0)
        {
            _pumpsWait.CompleteQueued(true);
        }
    }

    /// <summary>Both directions are done: what is not sent yet is sent, without this filter.</summary>
    private void Finish()
    {
        _ended = true;
        _idleTimer?.Cancel();
        _durationTimer?.Cancel();
        _downstream.FilterCallbacks = null;
        _downstream.Close(CloseType.FlushWrite, FlushTimeoutMs);
        if (_upstream is { } upstream)
        {
            upstream.Connection.FilterCallbacks = null;
            upstream.CloseAfterFlush(FlushTimeoutMs);
        }

        _toUpstream.Clear();
        _toDownstream.Clear();
        StreamInfo.EndUs = _loop.NowUs;
    }

    private int FlushTimeoutMs => (int)Math.Min(_factory.IdleTimeoutMs, int.MaxValue);

    private void TimedOut(string details)
    {
        StreamInfo.ConnectionTerminationDetails = details;
        End(downstream: CloseType.NoFlush, upstream: CloseType.NoFlush);
    }

    /// <summary>Armed once a period, not once a chunk: when it fires, it looks how long ago the last byte was.</summary>
    private sealed class IdleTimer(TcpProxyFilter filter) : LoopTimer(filter._loop)
    {
        protected override void OnElapsed()
        {
            var lastUs = Math.Max(filter._downstream.LastActivityUs, filter._upstream!.Connection.LastActivityUs);
            lastUs = Math.Max(lastUs, filter.StreamInfo.Timings.UpstreamConnectCompleteUs);
            var leftUs = (filter._factory.IdleTimeoutMs * 1000) - (filter._loop.NowUs - lastUs);
            if (leftUs > 0)
            {
                Arm((leftUs + 999) / 1000);
                return;
            }

            filter._stats.IdleTimeout.Increment();
            filter.TimedOut(LocalCloseReasons.TcpSessionIdleTimeout);
        }
    }

    private sealed class DurationTimer(TcpProxyFilter filter) : LoopTimer(filter._loop)
    {
        protected override void OnElapsed()
        {
            filter._stats.MaxDownstreamConnectionDuration.Increment();
            filter.StreamInfo.AddResponseFlag(ResponseFlags.DurationTimeout);
            filter.TimedOut(LocalCloseReasons.MaxConnectionDurationReached);
        }
    }
}
