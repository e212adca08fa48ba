namespace MeshProxy.Core.Streams;

/// <summary>Moments of a stream, in the loop's monotonic microseconds; 0 if not reached.</summary>
public struct StreamTimings
{
    public long DownstreamLastRxByteUs;
    public long DownstreamFirstTxByteUs;
    public long DownstreamLastTxByteUs;
    public long UpstreamConnectStartUs;
    public long UpstreamConnectCompleteUs;
    public long UpstreamFirstTxByteUs;
    public long UpstreamLastTxByteUs;
    public long UpstreamFirstRxByteUs;
    public long UpstreamLastRxByteUs;
}
