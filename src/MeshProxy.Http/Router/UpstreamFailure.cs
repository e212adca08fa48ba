using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Http.Router;

/// <summary>What Envoy says of each way in which an upstream request can fail.</summary>
internal static class UpstreamFailure
{
    /// <summary>The reason as the reply's body names it.</summary>
    public static string Text(UpstreamResetReason reason) => reason switch
    {
        UpstreamResetReason.LocalReset => "local reset",
        UpstreamResetReason.LocalConnectionFailure => "local connection failure",
        UpstreamResetReason.RemoteReset => "remote reset",
        UpstreamResetReason.RemoteConnectionFailure => "remote connection failure",
        UpstreamResetReason.ConnectionTimeout => "connection timeout",
        UpstreamResetReason.ConnectionTermination => "connection termination",
        UpstreamResetReason.Overflow => "overflow",
        UpstreamResetReason.ProtocolError => "protocol error",
        UpstreamResetReason.OverloadManager => "overload manager reset",
        UpstreamResetReason.ConnectError => "remote error with CONNECT request",
        UpstreamResetReason.LocalRefusedStreamReset => "local refused stream reset",
        _ => "remote refused stream reset",
    };

    /// <summary>The flag in the access log.</summary>
    public static ResponseFlags Flag(UpstreamResetReason reason) => reason switch
    {
        UpstreamResetReason.LocalReset or UpstreamResetReason.LocalRefusedStreamReset => ResponseFlags.LocalReset,
        UpstreamResetReason.LocalConnectionFailure or UpstreamResetReason.RemoteConnectionFailure or UpstreamResetReason.ConnectionTimeout =>
            ResponseFlags.UpstreamConnectionFailure,
        UpstreamResetReason.ConnectionTermination => ResponseFlags.UpstreamConnectionTermination,
        UpstreamResetReason.Overflow => ResponseFlags.UpstreamOverflow,
        UpstreamResetReason.ProtocolError => ResponseFlags.UpstreamProtocolError,
        UpstreamResetReason.OverloadManager => ResponseFlags.OverloadManager,
        _ => ResponseFlags.UpstreamRemoteReset,
    };

    /// <summary>Why a connect, or the wait for one, has failed.</summary>
    public static UpstreamResetReason OfConnect(IoStatus status) => status switch
    {
        IoStatus.TimedOut => UpstreamResetReason.ConnectionTimeout,
        IoStatus.Ok => UpstreamResetReason.ConnectionTermination,
        _ => UpstreamResetReason.RemoteConnectionFailure,
    };
}
