using System.Buffers.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>The encode side of a downstream HTTP/1.1 connection: frames a response and holds its body to what its head says.</summary>
/// <remarks>Worker thread only. One response at a time; a body that breaks its own framing fails, for it would be read as part of the next response.</remarks>
internal sealed class Http1ResponseWriter(SlabPool slabs, Http1ProtocolOptions options)
{
    private readonly IoBuffer _out = new(slabs);
    private readonly Http1EncodeFlags _names = options.PreserveCase ? Http1EncodeFlags.None : Http1EncodeFlags.LowercaseNames;
    private INetworkFilterCallbacks _callbacks = null!;
    private StreamInfo? _info;
    private long _remaining;
    private bool _toHead;
    private bool _http10;
    private bool _upgrade;
    private bool _connect;

    /// <summary>How the response under way is framed.</summary>
    public BodyFraming Framing { get; private set; }

    /// <summary>Whether the body, as it was framed, ends by the end of the connection.</summary>
    public bool EndsWithConnection => Framing is BodyFraming.UntilClose or BodyFraming.Tunnel;

    /// <summary>A request has begun: what of it decides how the response is framed.</summary>
    public void Begin(StreamInfo info, bool toHead, bool http10, bool upgrade, bool connect)
    {
        _info = info;
        _toHead = toHead;
        _http10 = http10;
        _upgrade = upgrade;
        _connect = connect;
        Framing = BodyFraming.None;
    }

    public void Attach(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public void Reset()
    {
        _out.Clear();
        _callbacks = null!;
        _info = null;
    }

    /// <summary>Whether a response would begin a tunnel: a 101 to an upgrade, a 2xx to CONNECT.</summary>
    public bool BeginsTunnel(int status) => (_upgrade && status == 101) || (_connect && status is >= 200 and < 300);

    public ValueTask<IoResult> WriteContinueAsync()
    {
        _out.Append("HTTP/1.1 100 Continue\r\n\r\n"u8);
        return WriteHead();
    }

    public ValueTask<IoResult> WriteInformationalAsync(ResponseHeaders headers)
    {
        if (_http10)
        {
            // RFC 9110 section 15.2: HTTP/1.0 has none, and takes it for the response.
            return new ValueTask<IoResult>(IoResult.Success);
        }

        Http1Encoder.EncodeInformational(_out, headers.Status, headers, _names);
        return WriteHead();
    }

    /// <param name="close">Whether the connection ends with this response. Set to true when only that can end the body.</param>
    public ValueTask<IoResult> WriteHeadersAsync(ResponseHeaders headers, bool endStream, ref bool close)
    {
        (Framing, var length) = FramingOf(headers, endStream);

        // A filter's 1xx in the place of the response: the client waits for the response proper, and must not take the next one for it.
        close |= Framing == BodyFraming.UntilClose || (headers.Status < 200 && Framing != BodyFraming.Tunnel);
        _remaining = Framing == BodyFraming.ContentLength ? length : long.MaxValue;
        var isTunnel = Framing == BodyFraming.Tunnel;
        var flags = _names | (close && !isTunnel ? Http1EncodeFlags.ConnectionClose : 0)
            | (_http10 ? Http1EncodeFlags.Http10Peer : 0)
            | (_toHead ? Http1EncodeFlags.ToHead : 0)
            | (isTunnel && headers.Status == 101 ? Http1EncodeFlags.Upgrade : 0);
        Http1Encoder.EncodeResponseHead(_out, headers, Framing, length, flags);
        return WriteHead();
    }

    public ValueTask<IoResult> WriteDataAsync(IoBuffer data, bool endStream)
    {
        if (Framing == BodyFraming.None)
        {
            data.Clear();
            return new ValueTask<IoResult>(IoResult.Success);
        }

        _remaining -= data.Length;
        if (_remaining < 0 || (endStream && Framing == BodyFraming.ContentLength && _remaining != 0))
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        if (Framing != BodyFraming.Chunked)
        {
            _info!.DownstreamBytes.WireBytesSent += data.Length;
            return _callbacks.WriteAsync(data, endStream && Framing == BodyFraming.Tunnel);
        }

        Http1Encoder.EncodeChunk(_out, data);
        if (endStream)
        {
            Http1Encoder.EncodeLastChunk(_out, null);
        }

        _info!.DownstreamBytes.WireBytesSent += _out.Length;
        return _callbacks.WriteAsync(_out, endStream: false);
    }

    public ValueTask<IoResult> WriteTrailersAsync(HeaderTrailers trailers)
    {
        if (Framing == BodyFraming.ContentLength && _remaining != 0)
        {
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        if (Framing == BodyFraming.Chunked)
        {
            Http1Encoder.EncodeLastChunk(_out, options.EnableTrailers ? trailers : null, _names);
        }

        return WriteHead();
    }

    private ValueTask<IoResult> WriteHead()
    {
        ref var meter = ref _info!.DownstreamBytes;
        meter.HeaderBytesSent += _out.Length;
        meter.WireBytesSent += _out.Length;
        return _callbacks.WriteAsync(_out, endStream: false);
    }

    private (BodyFraming Framing, long Length) FramingOf(ResponseHeaders headers, bool endStream)
    {
        var status = headers.Status;
        if (BeginsTunnel(status))
        {
            return (BodyFraming.Tunnel, 0);
        }

        // Without a body the length is 0, whatever a filter has written there.
        if (endStream || _toHead || status is 204 or 304 || status < 200)
        {
            return (BodyFraming.None, 0);
        }

        var given = headers.Get(HeaderNames.ContentLength);
        if (Utf8Parser.TryParse(given, out long length, out var used) && used == given.Length && length >= 0)
        {
            return (BodyFraming.ContentLength, length);
        }

        return (_http10 ? BodyFraming.UntilClose : BodyFraming.Chunked, 0);
    }
}
