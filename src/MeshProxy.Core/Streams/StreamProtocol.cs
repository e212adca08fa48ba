namespace MeshProxy.Core.Streams;

/// <summary>The protocol of a stream, as <c>%PROTOCOL%</c> shows it.</summary>
public enum StreamProtocol : byte
{
    /// <summary>Not (yet) known, or plain TCP: "-" in the access log.</summary>
    None,
    Http10,
    Http11,
    Http2,
    Http3,
}

/// <summary>The strings of <see cref="StreamProtocol"/>.</summary>
public static class StreamProtocolExtensions
{
    /// <summary>"HTTP/1.1" and so on; null for none.</summary>
    public static string? ToProtocolString(this StreamProtocol protocol) => protocol switch
    {
        StreamProtocol.Http10 => "HTTP/1.0",
        StreamProtocol.Http11 => "HTTP/1.1",
        StreamProtocol.Http2 => "HTTP/2",
        StreamProtocol.Http3 => "HTTP/3",
        _ => null,
    };
}
