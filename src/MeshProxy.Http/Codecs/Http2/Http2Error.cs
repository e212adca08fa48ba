namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Why a connection ended (RFC 9113 section 5.4.1).</summary>
/// <param name="Code">What the GOAWAY says.</param>
/// <param name="Details">The response-code detail for the streams that end with it.</param>
/// <param name="Reason">In words, for logs and the GOAWAY's debug data. Holds nothing of what was received.</param>
internal readonly record struct Http2Error(Http2ErrorCode Code, string Details, string Reason)
{
    public bool IsSet => Details is not null;
}

/// <summary>The errors that end a connection, each named for what was found.</summary>
internal static class Http2Errors
{
    public static readonly Http2Error BadPreface = Protocol("the connection does not begin with the client's preface");
    public static readonly Http2Error SettingsNotFirst = Protocol("the first frame is not SETTINGS");
    public static readonly Http2Error FrameTooLarge = FrameSize("a frame is larger than our SETTINGS_MAX_FRAME_SIZE");
    public static readonly Http2Error WithinBlock = Protocol("another frame within a header block");
    public static readonly Http2Error ContinuationAlone = Protocol("a CONTINUATION without a header block");
    public static readonly Http2Error BadPadding = Protocol("more padding than the frame holds");
    public static readonly Http2Error NeedsStream = Protocol("a frame of a stream on stream 0");
    public static readonly Http2Error NeedsConnection = Protocol("a frame of the connection on a stream");
    public static readonly Http2Error IdleStream = Protocol("a frame on a stream that was never opened");
    public static readonly Http2Error BadStreamId = Protocol("a stream of a number that may not be opened");
    public static readonly Http2Error HeadersOnClosed = new(Http2ErrorCode.StreamClosed, Http2ResponseCodeDetails.ConnectionError, "HEADERS on a closed stream");
    public static readonly Http2Error Push = Protocol("PUSH_PROMISE, which we have not allowed");
    public static readonly Http2Error DataSize = FrameSize("DATA without room for the length of its padding");
    public static readonly Http2Error HeadersSize = FrameSize("HEADERS without room for what its flags say");
    public static readonly Http2Error PrioritySize = FrameSize("PRIORITY is not 5 bytes long");
    public static readonly Http2Error RstSize = FrameSize("RST_STREAM is not 4 bytes long");
    public static readonly Http2Error SettingsSize = FrameSize("SETTINGS is not a multiple of 6 bytes long");
    public static readonly Http2Error SettingsAckSize = FrameSize("an acknowledgement of SETTINGS that is not empty");
    public static readonly Http2Error SettingsAckUnasked = Protocol("an acknowledgement of SETTINGS that were not sent");
    public static readonly Http2Error PingSize = FrameSize("PING is not 8 bytes long");
    public static readonly Http2Error GoAwaySize = FrameSize("GOAWAY is shorter than 8 bytes");
    public static readonly Http2Error WindowUpdateSize = FrameSize("WINDOW_UPDATE is not 4 bytes long");
    public static readonly Http2Error ZeroIncrement = Protocol("WINDOW_UPDATE by 0");
    public static readonly Http2Error BadEnablePush = Protocol("SETTINGS_ENABLE_PUSH has a value that it may not have");
    public static readonly Http2Error BadMaxFrameSize = Protocol("SETTINGS_MAX_FRAME_SIZE is out of range");
    public static readonly Http2Error BadEnableConnect = Protocol("SETTINGS_ENABLE_CONNECT_PROTOCOL has a value that it may not have");
    public static readonly Http2Error BadInitialWindow = Flow("SETTINGS_INITIAL_WINDOW_SIZE is out of range");
    public static readonly Http2Error StreamWindowOverflow = Flow("SETTINGS_INITIAL_WINDOW_SIZE makes a stream's window too large");
    public static readonly Http2Error WindowOverflow = Flow("the connection's window grows too large");
    public static readonly Http2Error WindowExceeded = Flow("more DATA than the connection's window");
    public static readonly Http2Error Compression = new(Http2ErrorCode.CompressionError, Http2ResponseCodeDetails.ConnectionError, "a header block that cannot be decoded");

    private static Http2Error Protocol(string reason) => new(Http2ErrorCode.ProtocolError, Http2ResponseCodeDetails.ConnectionError, reason);

    private static Http2Error FrameSize(string reason) => new(Http2ErrorCode.FrameSizeError, Http2ResponseCodeDetails.ConnectionError, reason);

    private static Http2Error Flow(string reason) => new(Http2ErrorCode.FlowControlError, Http2ResponseCodeDetails.FlowControlError, reason);
}
