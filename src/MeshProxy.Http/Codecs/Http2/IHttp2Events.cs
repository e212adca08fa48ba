using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>What an <see cref="Http2Codec"/> tells the connection that owns it.</summary>
/// <remarks>
/// Called on the worker, from within <see cref="Http2Codec.Receive"/> unless said otherwise. Any method of the codec may be called from
/// within, but for Receive, FillData and CloseAll. Nothing may throw.
/// </remarks>
internal interface IHttp2Events
{
    /// <summary>Server: a request begins. Gives the empty map that its head is decoded into, and sets <see cref="Http2Stream.Owner"/>.</summary>
    /// <returns>Null to refuse the stream (REFUSED_STREAM, which the client may retry); the stream object then goes back by itself.</returns>
    RequestHeaders? BeginRequest(Http2Stream stream);

    /// <summary>Client: a response's head begins, informational ones too: the empty map for it. Null resets the stream.</summary>
    ResponseHeaders? BeginResponse(Http2Stream stream);

    /// <summary>The head in the map is complete and valid. Client: also a 1xx (by the map's status), after which another head follows.</summary>
    void OnHeaders(Http2Stream stream, bool endStream);

    /// <summary><see cref="Http2Stream.Received"/> has grown, or the body has ended.</summary>
    void OnData(Http2Stream stream, bool endStream);

    /// <summary>The message has ended with <see cref="Http2Stream.Trailers"/>.</summary>
    void OnTrailers(Http2Stream stream);

    /// <summary>
    /// The stream is dead in both directions, without <see cref="Http2Codec.Reset"/> having been called: the peer reset it, what it sent was
    /// refused, it stands above a GOAWAY's last id (<see cref="Http2ErrorCode.RefusedStream"/>: safe to retry), or the connection has ended
    /// (<see cref="Http2Codec.CloseAll"/>, which calls it too).
    /// </summary>
    /// <param name="stream">Still to be released.</param>
    /// <param name="code">The error code that was received or sent.</param>
    /// <param name="byPeer">Whether the peer ended it.</param>
    /// <param name="details">The response-code detail, one of <see cref="Http2ResponseCodeDetails"/>.</param>
    void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details);

    /// <summary>From FillData: what is queued has fallen to the low watermark, after it stood above the high one.</summary>
    void OnWritable(Http2Stream stream);

    /// <summary>
    /// From FillData: our half has ended, and all of it stands in <see cref="Http2Codec.Output"/>. Not called for a Send method that ended our half at once:
    /// <see cref="Http2Stream.LocalEnded"/> says so when it returns.
    /// </summary>
    void OnSent(Http2Stream stream);

    /// <summary>The peer's GOAWAY. Streams above the last id have been reset already.</summary>
    void OnGoAway(uint lastStreamId, Http2ErrorCode code);

    /// <summary>The peer's settings have changed.</summary>
    void OnSettings();

    /// <summary>The answer to <see cref="Http2Codec.SendPing"/>.</summary>
    void OnPingAck(ulong payload);

    /// <summary>
    /// There is something to write, and there was not before: the owner schedules a flush for the turn's end. From any method of the codec.
    /// </summary>
    void OnOutput();
}
