namespace MeshProxy.Http.Codecs.Http1;

/// <summary>Why a message was refused. After any of these the connection cannot be used again.</summary>
/// <param name="StatusCode">What a downstream client is told. A malformed response becomes a 502 whatever stands here.</param>
/// <param name="Details">The response-code detail, Envoy's where it has one.</param>
/// <param name="Reason">In words, for logs. Holds nothing of the message.</param>
internal readonly record struct Http1Error(int StatusCode, string Details, string Reason)
{
    public bool IsSet => StatusCode != 0;
}

/// <summary>The response-code details of this codec.</summary>
internal static class Http1ResponseCodeDetails
{
    public const string CodecError = "http1.codec_error";
    public const string InvalidCharacters = "http1.invalid_characters";
    public const string InvalidUrl = "http1.invalid_url";
    public const string InvalidScheme = "http1.invalid_scheme";
    public const string InvalidTransferEncoding = "http1.invalid_transfer_encoding";
    public const string TransferEncodingNotAllowed = "http1.transfer_encoding_not_allowed";
    public const string ContentLengthAndChunked = "http1.content_length_and_chunked_not_allowed";
    public const string BodyDisallowed = "http1.body_disallowed";
    public const string ConnectionHeaderRejected = "http1.connection_header_rejected";
    public const string UnexpectedUnderscore = "http1.unexpected_underscore";
    public const string HeadersTooLarge = "http1.headers_too_large";
    public const string TooManyHeaders = "http1.too_many_headers";
    public const string LowVersion = "low_version";
    public const string MissingHost = "missing_host_header";
    public const string InvalidAuthority = "http.invalid_authority";

    /// <summary>Not Envoy's, which ignores an expectation that it does not know.</summary>
    public const string ExpectationFailed = "http1.expectation_failed";

    /// <summary>Not Envoy's, which takes any number.</summary>
    public const string TooManyInformational = "http1.too_many_informational_responses";
}

/// <summary>The errors, each named for what was found.</summary>
internal static class Http1Errors
{
    public static readonly Http1Error BadMethod = Codec("the method is not a token");
    public static readonly Http1Error BadRequestLine = Codec("the request line is malformed");
    public static readonly Http1Error BadStatusLine = Codec("the status line is malformed");
    public static readonly Http1Error BadVersion = Codec("the HTTP version is neither 1.0 nor 1.1");
    public static readonly Http1Error BadLineEnd = Codec("a line ends otherwise than with CR LF");
    public static readonly Http1Error TooManyEmptyLines = Codec("too many empty lines before a request");
    public static readonly Http1Error ObsoleteFold = Codec("a header line begins with white space");
    public static readonly Http1Error SpaceBeforeColon = Codec("white space before the colon of a header line");
    public static readonly Http1Error BadContentLength = Codec("Content-Length is not one decimal number");
    public static readonly Http1Error RepeatedContentLength = Codec("more than one Content-Length");
    public static readonly Http1Error BadChunkSize = Codec("a chunk size is malformed or too large");
    public static readonly Http1Error BadChunkExtension = Codec("a chunk extension is malformed");
    public static readonly Http1Error ChunkExtensionsTooLong = Codec("the chunk extensions are too long");
    public static readonly Http1Error BadChunkEnd = Codec("a chunk's data does not end with CR LF");
    public static readonly Http1Error PrematureEnd = Codec("the connection ended within a message");
    public static readonly Http1Error UnexpectedSwitch = Codec("a 101 response to a request that did not ask for it");
    public static readonly Http1Error BadName = new(400, Http1ResponseCodeDetails.InvalidCharacters, "a header name is empty or not a token");
    public static readonly Http1Error BadValue = new(400, Http1ResponseCodeDetails.InvalidCharacters, "a control character in a header value");
    public static readonly Http1Error BadTarget = new(400, Http1ResponseCodeDetails.InvalidUrl, "the request target is malformed");
    public static readonly Http1Error BadScheme = new(400, Http1ResponseCodeDetails.InvalidScheme, "the request target's scheme is neither http nor https");
    public static readonly Http1Error OldVersion = new(426, Http1ResponseCodeDetails.LowVersion, "HTTP/1.0 is not accepted here");
    public static readonly Http1Error MissingHost = new(400, Http1ResponseCodeDetails.MissingHost, "no Host header, or an empty one");
    public static readonly Http1Error RepeatedHost = new(400, Http1ResponseCodeDetails.InvalidAuthority, "more than one Host header");
    public static readonly Http1Error BadHost = new(400, Http1ResponseCodeDetails.InvalidAuthority, "the host is malformed");
    public static readonly Http1Error BadTransferEncoding = new(400, Http1ResponseCodeDetails.InvalidTransferEncoding, "Transfer-Encoding is malformed, or chunked is not its one last coding");
    public static readonly Http1Error UnknownTransferEncoding = new(501, Http1ResponseCodeDetails.InvalidTransferEncoding, "a transfer coding other than chunked");
    public static readonly Http1Error TransferEncodingInHttp10 = new(400, Http1ResponseCodeDetails.TransferEncodingNotAllowed, "Transfer-Encoding in an HTTP/1.0 message");
    public static readonly Http1Error TransferEncodingOnConnect = new(400, Http1ResponseCodeDetails.TransferEncodingNotAllowed, "Transfer-Encoding on a CONNECT request");
    public static readonly Http1Error BodyOnConnect = new(400, Http1ResponseCodeDetails.BodyDisallowed, "a CONNECT request with a body");
    public static readonly Http1Error ContentLengthAndChunked = new(400, Http1ResponseCodeDetails.ContentLengthAndChunked, "both Content-Length and Transfer-Encoding");
    public static readonly Http1Error BadConnection = new(400, Http1ResponseCodeDetails.ConnectionHeaderRejected, "the Connection header names too much, or what it may not");
    public static readonly Http1Error Underscore = new(400, Http1ResponseCodeDetails.UnexpectedUnderscore, "an underscore in a header name");
    public static readonly Http1Error TooLarge = new(431, Http1ResponseCodeDetails.HeadersTooLarge, "the headers are larger than the limit");
    public static readonly Http1Error TooMany = new(431, Http1ResponseCodeDetails.TooManyHeaders, "more headers than the limit");
    public static readonly Http1Error ExpectationFailed = new(417, Http1ResponseCodeDetails.ExpectationFailed, "an expectation other than 100-continue");

    private static Http1Error Codec(string reason) => new(400, Http1ResponseCodeDetails.CodecError, reason);
}
