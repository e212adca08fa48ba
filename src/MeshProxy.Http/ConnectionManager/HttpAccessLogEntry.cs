using System.Text;
using MeshProxy.Core.AccessLog;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>A stream that has ended, as access logs see it: its <c>StreamInfo</c> and its headers. One instance serves a worker.</summary>
internal sealed class HttpAccessLogEntry : AccessLogEntry
{
    // The names that the compiled formats ask for: few, and always the same strings.
    private readonly Dictionary<string, HeaderName> _names = new(StringComparer.Ordinal);
    private ActiveStream? _stream;

    public void Set(ActiveStream stream)
    {
        _stream = stream;
        Info = stream.StreamInfo;
    }

    public void Clear() => _stream = null;

    public override bool TryGetRequestHeader(string name, out ReadOnlySpan<byte> value)
    {
        var headers = _stream!.RequestHeaders;
        switch (name)
        {
            case ":method":
                value = headers.Method;
                return !value.IsEmpty;
            case ":path":
                value = headers.Path;
                return !value.IsEmpty;
            case ":scheme":
                value = headers.Scheme;
                return !value.IsEmpty;
            case ":authority":
                value = headers.Authority;
                return !value.IsEmpty;
            default:
                return TryGet(headers, name, out value);
        }
    }

    public override bool TryGetResponseHeader(string name, out ReadOnlySpan<byte> value)
    {
        var headers = _stream!.ResponseHeaders;
        if (name == ":status")
        {
            value = headers.Status == 0 ? default : Encoding.ASCII.GetBytes(headers.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return headers.Status != 0;
        }

        return TryGet(headers, name, out value);
    }

    public override bool TryGetResponseTrailer(string name, out ReadOnlySpan<byte> value) => TryGet(_stream!.ResponseTrailers, name, out value);

    public override bool TryGetGrpcStatus(out int code)
    {
        code = 0;
        var stream = _stream!;
        if (!stream.IsGrpcRequest)
        {
            return false;
        }

        if (GrpcProtocol.TryGetStatus(stream.ResponseTrailers, out var status) || GrpcProtocol.TryGetStatus(stream.ResponseHeaders, out status))
        {
            code = (int)status;
            return true;
        }

        code = (int)GrpcProtocol.FromHttpStatus(Info.ResponseCode);
        return Info.ResponseCode != 0;
    }

    private bool TryGet(HeaderMap? headers, string name, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (headers is null)
        {
            return false;
        }

        if (!_names.TryGetValue(name, out var known))
        {
            if (!HeaderName.TryCreate(Encoding.UTF8.GetBytes(name), out known))
            {
                return false;
            }

            _names[name] = known;
        }

        return headers.TryGet(known, out value);
    }
}
