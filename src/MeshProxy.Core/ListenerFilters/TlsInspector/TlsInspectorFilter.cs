using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.ListenerFilters.TlsInspector;

/// <summary>Tells TLS from plain bytes, and reads server name and ALPN of the ClientHello (envoy.filters.listener.tls_inspector).</summary>
/// <remarks>The bytes stay for whoever reads next. What is not TLS is known from its first bytes and goes on as <c>raw_buffer</c>.</remarks>
internal sealed class TlsInspectorFilter(TlsInspectorFactory factory) : IListenerFilter
{
    private readonly TlsInspectorStats _stats = factory.Stats;

    // Not readonly: it is a mutable struct.
    private ClientHelloParser _parser = new(factory.Config.MaxClientHelloSize);

    public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
    {
        try
        {
            while (true)
            {
                if (Parse(callbacks) != ClientHelloStatus.NeedMore)
                {
                    return Decide(callbacks);
                }

                if ((await callbacks.PeekAsync()) is { IsOk: false } ended)
                {
                    CountEnd(ended.Status);
                    return FilterStatus.StopIteration;
                }
            }
        }
        finally
        {
            _parser.Dispose();
        }
    }

    private void CountEnd(IoStatus status)
    {
        if (status != IoStatus.Aborted) // a timeout has a counter of its own
        {
            _stats.ConnectionClosed.Increment();
        }
    }

    private ClientHelloStatus Parse(IListenerFilterCallbacks callbacks)
    {
        while (_parser.Status == ClientHelloStatus.NeedMore)
        {
            var bytes = PeekedBytes.SpanAt(callbacks.Peeked, _parser.BytesSeen);
            if (bytes.IsEmpty)
            {
                break;
            }

            _parser.Append(bytes);
        }

        return _parser.Status;
    }

    private FilterStatus Decide(IListenerFilterCallbacks callbacks)
    {
        _stats.BytesProcessed.Record(_parser.BytesSeen);
        switch (_parser.Status)
        {
            case ClientHelloStatus.Complete:
                Found(callbacks);
                return FilterStatus.Continue;
            case ClientHelloStatus.TooLarge:
                _stats.ClientHelloTooLarge.Increment();
                return FilterStatus.StopIteration;
            default:
                _stats.TlsNotFound.Increment();
                return _parser.Status == ClientHelloStatus.Malformed && factory.Config.CloseConnectionOnClientHelloParsingErrors
                    ? FilterStatus.StopIteration
                    : FilterStatus.Continue;
        }
    }

    private void Found(IListenerFilterCallbacks callbacks)
    {
        _stats.TlsFound.Increment();
        callbacks.DetectedTransportProtocol = "tls";
        if (_parser.HasApplicationProtocols)
        {
            _stats.AlpnFound.Increment();
            callbacks.RequestedApplicationProtocols = _parser.GetApplicationProtocols();
        }
        else
        {
            _stats.AlpnNotFound.Increment();
        }

        if (_parser.ServerName is { } name)
        {
            _stats.SniFound.Increment();
            callbacks.RequestedServerName = name;
        }
        else
        {
            _stats.SniNotFound.Increment();
        }
    }
}
