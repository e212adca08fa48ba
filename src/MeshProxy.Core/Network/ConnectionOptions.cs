using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Network;

/// <summary>What a listener or cluster says of its connections.</summary>
internal sealed class ConnectionOptions
{
    public const int DefaultBufferLimitBytes = 1024 * 1024;

    public static readonly ConnectionOptions Default = new();

    /// <summary>Unsent bytes above which a write waits (Envoy: <c>per_connection_buffer_limit_bytes</c>).</summary>
    public int BufferLimitBytes { get; init; } = DefaultBufferLimitBytes;

    public Counter? ReceivedBytes { get; init; }

    public Counter? SentBytes { get; init; }

    public bool NoDelay { get; init; } = true;

    /// <summary>Null leaves TCP keepalive off.</summary>
    public Config.TcpKeepaliveConfig? Keepalive { get; init; }
}
