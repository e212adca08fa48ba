using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Samples.CustomFilter;

/// <summary>Spreads the word: logs each step of the way of a request and of its response, and adds a response header.</summary>
public sealed partial class EvangelistFilter(EvangelistConfig config, ILogger logger) : HttpFilter, IReusableFilter
{
    public const string FilterName = "acme.evangelist";

    public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(headers);
        Step("decode headers", Encoding.ASCII.GetString(headers.Path), endStream);
        return base.DecodeHeadersAsync(headers, endStream);
    }

    public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(data);
        Step("decode data", $"{data.Length} bytes", endStream);
        return base.DecodeDataAsync(data, endStream);
    }

    public override ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Step("decode trailers", $"{trailers.Count} fields", endStream: true);
        return base.DecodeTrailersAsync(trailers);
    }

    public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(headers);
        headers.Set("x-evangelist", config.Message);
        Step("encode headers", $"status {headers.Status}", endStream);
        return base.EncodeHeadersAsync(headers, endStream);
    }

    public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(data);
        Step("encode data", $"{data.Length} bytes", endStream);
        return base.EncodeDataAsync(data, endStream);
    }

    public override ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Step("encode trailers", $"{trailers.Count} fields", endStream: true);
        return base.EncodeTrailersAsync(trailers);
    }

    /// <summary>Nothing to forget: the filter keeps nothing of a stream.</summary>
    public void Reset()
    {
    }

    private void Step(string step, string what, bool endStream) => LogStep(logger, step, what, endStream);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Step}: {What}, end of stream: {EndStream}")]
    private static partial void LogStep(ILogger logger, string step, string what, bool endStream);
}
