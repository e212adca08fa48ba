namespace MeshProxy.Http.Codecs.Http2;

/// <summary>The response-code details of this codec: Envoy's, and for what Envoy does not tell apart, some of our own in its manner.</summary>
internal static class Http2ResponseCodeDetails
{
    public const string MessagingViolation = "http2.violation.of.messaging.rule";
    public const string InvalidHeader = "http2.invalid.header.field";
    public const string UnexpectedUnderscore = "http2.unexpected_underscore";
    public const string TooManyHeaders = "http2.too_many_headers";
    public const string RemoteReset = "http2.remote_reset";
    public const string RemoteRefused = "http2.remote_refuse";
    public const string InboundEmptyFrameFlood = "http2.inbound_empty_frame_flood";
    public const string HeadersTooLarge = "http2.headers_too_large";
    public const string TooManyHeaderFrames = "http2.too_many_header_frames";
    public const string ConnectionError = "http2.protocol_error";
    public const string StreamError = "http2.stream_error";
    public const string FlowControlError = "http2.flow_control_error";
    public const string StreamRefused = "http2.stream_refused";
    public const string GoAwayReceived = "http2.goaway_received";
    public const string Flood = "http2.flood_detected";
}
