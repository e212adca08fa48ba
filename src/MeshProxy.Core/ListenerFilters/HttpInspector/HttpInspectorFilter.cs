using MeshProxy.Core.Network;

namespace MeshProxy.Core.ListenerFilters.HttpInspector;

/// <summary>Tells HTTP/1.0, HTTP/1.1 and HTTP/2 without TLS from anything else (envoy.filters.listener.http_inspector).</summary>
/// <remarks>The bytes stay for whoever reads next. A connection that an earlier filter found to be TLS is left alone, as in Envoy.</remarks>
internal sealed class HttpInspectorFilter(HttpInspectorStats stats) : IListenerFilter
{
    private static readonly string[] s_http10 = ["http/1.0"];
    private static readonly string[] s_http11 = ["http/1.1"];
    private static readonly string[] s_http2 = ["h2c"];

    private HttpStart _start;

    public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
    {
        if (callbacks.DetectedTransportProtocol is not (null or "raw_buffer"))
        {
            return FilterStatus.Continue;
        }

        while (Inspect(callbacks) == HttpStartStatus.NeedMore)
        {
            if ((await callbacks.PeekAsync()) is { IsOk: false } ended)
            {
                CountEnd(ended.Status);
                return FilterStatus.StopIteration;
            }
        }

        switch (_start.Status)
        {
            case HttpStartStatus.Http10:
                stats.Http10Found.Increment();
                callbacks.RequestedApplicationProtocols = s_http10;
                break;
            case HttpStartStatus.Http11:
                stats.Http11Found.Increment();
                callbacks.RequestedApplicationProtocols = s_http11;
                break;
            case HttpStartStatus.Http2:
                stats.Http2Found.Increment();
                callbacks.RequestedApplicationProtocols = s_http2;
                break;
            default:
                stats.HttpNotFound.Increment();
                break;
        }

        return FilterStatus.Continue;
    }

    private void CountEnd(IoStatus status)
    {
        if (status != IoStatus.Aborted) // a timeout has a counter of its own
        {
            stats.ReadError.Increment();
        }
    }

    private HttpStartStatus Inspect(IListenerFilterCallbacks callbacks)
    {
        while (_start.Status == HttpStartStatus.NeedMore)
        {
            var bytes = PeekedBytes.SpanAt(callbacks.Peeked, _start.BytesSeen);
            if (bytes.IsEmpty)
            {
                break;
            }

            _start.Append(bytes);
        }

        return _start.Status;
    }
}
