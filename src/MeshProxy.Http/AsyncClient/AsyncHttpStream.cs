using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.ConnectionPools;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Router;

namespace MeshProxy.Http.AsyncClient;

/// <summary>
/// One request of the proxy's own to a cluster (Envoy: an <c>AsyncClient</c> stream): through the cluster's balancer, circuit breakers and
/// connection pools, past listeners and filters. Fill <see cref="RequestHeaders"/>, start, send, read, dispose.
/// </summary>
/// <remarks>
/// On the loop of its clusters only. One read and one write may be outstanding at a time, at once. Failures are values: false, or a status
/// other than More and End, and then <see cref="Failure"/>.
/// </remarks>
internal sealed class AsyncHttpStream : IDisposable
{
    private readonly WorkerClusters _clusters;
    private readonly string _clusterName;
    private readonly UpstreamRequest _request;
    private readonly StreamInfo _info = new();
    private HeaderTrailers? _trailers;
    private bool _responseEnded;
    private bool _ended;

    public AsyncHttpStream(WorkerClusters clusters, string clusterName)
    {
        _clusters = clusters;
        _clusterName = clusterName;
        _request = new UpstreamRequest(clusters.Loop);
        RequestHeaders = new RequestHeaders(clusters.Loop.Slabs);
        ResponseHeaders = new ResponseHeaders(clusters.Loop.Slabs);
    }

    /// <summary>To be filled before the start.</summary>
    public RequestHeaders RequestHeaders { get; }

    /// <summary>The response's head, once it was read; empty after <see cref="Dispose"/>.</summary>
    public ResponseHeaders ResponseHeaders { get; }

    /// <summary>The response's trailers, once its end was read; null if there are none, and after <see cref="Dispose"/>.</summary>
    public HeaderTrailers? ResponseTrailers => _trailers is { Count: > 0 } ? _trailers : null;

    /// <summary>Why there is no whole answer; null as long as none is missing.</summary>
    public AsyncFailure? Failure { get; private set; }

    /// <summary>What the connection speaks, once the request has begun.</summary>
    public StreamProtocol Protocol => _info.UpstreamProtocol;

    /// <summary>Whether the cluster's hosts are reached over TLS.</summary>
    public bool IsSecure => _clusters.Get(_clusterName)?.Info.TransportSocket is { IsSecure: true };

    /// <summary>Chooses a host, gets a place on a connection of its pool and sends the head.</summary>
    /// <param name="endStream">There is no body.</param>
    public async ValueTask<bool> StartAsync(bool endStream)
    {
        if (_ended)
        {
            return false;
        }

        if (_clusters.Get(_clusterName) is not { } cluster)
        {
            return Fail(new AsyncFailure($"there is no cluster '{_clusterName}'"));
        }

        if (cluster.LoadBalancer.ChooseHost(default) is not { } host)
        {
            cluster.Info.Stats.NoneHealthy.Increment();
            return Fail(new AsyncFailure("no healthy upstream"));
        }

        _info.UpstreamHost = host.Address;
        if (!_request.TryBegin(cluster, host, _info))
        {
            return Fail(UpstreamResetReason.Overflow);
        }

        if (!await AcquireAsync(UpstreamHostPools.For(cluster, host).Select(RequestHeaders, null)))
        {
            return false;
        }

        // A head that cannot be written shows at the read, which may still find an early answer.
        await _request.SendHead(RequestHeaders, endStream);
        return !_ended;
    }

    /// <summary>Sends all of <paramref name="data"/>; completes when not too much of it waits to be sent. False: nothing more can be sent.</summary>
    public async ValueTask<bool> SendAsync(IoBuffer data, bool endStream)
    {
        if (_ended || !_request.HasStream)
        {
            data.Clear();
            return false;
        }

        return (await _request.SendData(data, endStream)).IsOk && !_ended;
    }

    /// <summary>Reads the final response's head into <see cref="ResponseHeaders"/>.</summary>
    public async ValueTask<ReadStatus> ReadHeadersAsync()
    {
        while (!_ended)
        {
            var read = await _request.ReadHeadersAsync(ResponseHeaders);
            if (_ended)
            {
                break;
            }

            if (read is not (ReadStatus.More or ReadStatus.End))
            {
                OnLost(read);
                return read;
            }

            if (ResponseHeaders.Status is >= 100 and < 200)
            {
                ResponseHeaders.Clear();
                continue;
            }

            _request.OnResponseHeaders(ResponseHeaders.Status);
            if (read == ReadStatus.End)
            {
                OnResponseEnd();
            }

            return read;
        }

        return ReadStatus.Aborted;
    }

    /// <summary>Appends the next part of the response's body. The flow of the rest waits for the next call.</summary>
    public async ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        if (_ended)
        {
            return ReadStatus.Aborted;
        }

        var read = await _request.ReadBodyAsync(into);
        if (_ended)
        {
            return ReadStatus.Aborted;
        }

        if (read == ReadStatus.End)
        {
            if (_request.ResponseTrailers is { } trailers)
            {
                (_trailers ??= new HeaderTrailers(_clusters.Loop.Slabs)).CopyFrom(trailers);
            }

            OnResponseEnd();
        }
        else if (read != ReadStatus.More)
        {
            OnLost(read);
        }

        return read;
    }

    /// <summary>Gives the request up if it is not over (RST_STREAM with CANCEL); what is pending ends with Aborted. What was read of the response can still
    /// be looked at.</summary>
    public void Cancel()
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        if (_responseEnded)
        {
            _request.End();
        }
        else
        {
            _request.Cancel();
        }
    }

    /// <summary>Gives the request up if it is not over, and frees what is held of it. More than once is fine.</summary>
    public void Dispose()
    {
        Cancel();
        RequestHeaders.Clear();
        ResponseHeaders.Clear();
        _trailers?.Clear();
    }

    private async ValueTask<bool> AcquireAsync(ConnectionPool pool)
    {
        if (_request.TryAcquire(pool))
        {
            return true;
        }

        if (!_request.TryWait(pool))
        {
            _request.OnNoStream();
            return Fail(UpstreamResetReason.Overflow);
        }

        var failure = await _request.WaitAsync(pool);
        if (_ended)
        {
            return false;
        }

        if (failure is not { } reason)
        {
            return true;
        }

        _request.OnNoStream();
        return Fail(reason);
    }

    private void OnResponseEnd()
    {
        _responseEnded = true;
        _request.OnResponseEnd();
    }

    private void OnLost(ReadStatus status)
    {
        var code = _request.ResetCode;
        var (reason, details) = _request.OnLost(status);
        var text = UpstreamFailure.Text(reason);
        Failure ??= new AsyncFailure(details.Length > 0 ? $"{text} ({details})" : text, reason, code);
    }

    private bool Fail(UpstreamResetReason reason) => Fail(new AsyncFailure(UpstreamFailure.Text(reason), reason));

    private bool Fail(AsyncFailure failure)
    {
        Failure ??= failure;
        return false;
    }
}
