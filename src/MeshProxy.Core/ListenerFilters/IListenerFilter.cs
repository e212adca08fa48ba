using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.ListenerFilters;

/// <summary>Looks at a new connection before its filter chain is chosen: PROXY protocol, TLS server name, original destination.</summary>
/// <remarks>Runs on the connection's worker. One instance serves one connection.</remarks>
public interface IListenerFilter
{
    /// <summary>
    /// Continue lets the next listener filter look; StopIteration closes the connection. A pending task waits, for as long as
    /// <c>listener_filters_timeout</c> lets it.
    /// </summary>
    ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks);
}

/// <summary>A new connection, as a listener filter sees and corrects it. Worker thread only.</summary>
public interface IListenerFilterCallbacks
{
    EventLoop Loop { get; }

    /// <summary>The connection's stream info: filter state and metadata set here live as long as the connection.</summary>
    StreamInfo StreamInfo { get; }

    /// <summary>The address that the client connected to; set it to restore the original destination.</summary>
    NetworkAddress? LocalAddress { get; set; }

    /// <summary>The client; set it where a header names another one than the socket's peer.</summary>
    NetworkAddress? RemoteAddress { get; set; }

    /// <summary>The socket's peer.</summary>
    NetworkAddress? DirectRemoteAddress { get; }

    /// <summary>Where the client wanted to go before the system's firewall redirected it here (Linux: SO_ORIGINAL_DST).</summary>
    /// <returns>Null: it was not redirected, or the system cannot tell.</returns>
    NetworkAddress? GetOriginalDestination();

    /// <summary>What a chain's <c>server_names</c> are compared with. Lower case.</summary>
    string? RequestedServerName { get; set; }

    /// <summary>What a chain's <c>transport_protocol</c> is compared with: <c>tls</c>, or null for <c>raw_buffer</c>.</summary>
    string? DetectedTransportProtocol { get; set; }

    /// <summary>What a chain's <c>application_protocols</c> are compared with, in the client's order.</summary>
    IReadOnlyList<string> RequestedApplicationProtocols { get; set; }

    /// <summary>
    /// What <see cref="PeekAsync"/> has brought so far. What a filter drains is gone (a PROXY header); what stays is read first by
    /// whoever reads the connection next.
    /// </summary>
    IoBuffer Peeked { get; }

    /// <summary>Waits for more bytes and appends them to <see cref="Peeked"/>.</summary>
    /// <returns><see cref="IoStatus.Aborted"/> when the time is over, or 64 KiB are there and no filter drains them.</returns>
    ValueTask<IoResult> PeekAsync();
}

/// <summary>One configured listener filter: made on the control side, shared by all workers.</summary>
public interface IListenerFilterFactory : IDisposable
{
    /// <summary>Makes the instance for one connection, on its worker.</summary>
    IListenerFilter Create(EventLoop worker);
}
