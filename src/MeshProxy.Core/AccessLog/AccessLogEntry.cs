using MeshProxy.Core.Streams;

namespace MeshProxy.Core.AccessLog;

/// <summary>What an access log may ask of a stream that has ended. As it is, for layer 4; HTTP derives from it and adds headers.</summary>
/// <remarks>Belongs to the stream's worker; may be pooled. Header spans are valid during <see cref="IAccessLog.Log"/>.</remarks>
public class AccessLogEntry
{
    private StreamInfo? _info;

    public AccessLogEntry()
    {
    }

    public AccessLogEntry(StreamInfo info) => _info = info;

    /// <exception cref="InvalidOperationException">It was not set.</exception>
    public StreamInfo Info
    {
        get => _info ?? throw new InvalidOperationException("the entry has no stream");
        internal set => _info = value;
    }

    /// <summary>A request header's first value.</summary>
    /// <param name="name">In lower case; pseudo-headers too (<c>:method</c>, <c>:path</c>, <c>:authority</c>, <c>:scheme</c>).</param>
    public virtual bool TryGetRequestHeader(string name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }

    /// <summary>A response header's first value; the name is in lower case.</summary>
    public virtual bool TryGetResponseHeader(string name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }

    /// <summary>How a gRPC call ended, by its trailers, its head or the HTTP status; false if the request was not gRPC or nothing was answered.</summary>
    public virtual bool TryGetGrpcStatus(out int code)
    {
        code = 0;
        return false;
    }

    /// <summary>A response trailer's first value; the name is in lower case.</summary>
    public virtual bool TryGetResponseTrailer(string name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }
}
