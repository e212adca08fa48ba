using System.Net;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>The payload as a request body that is made while it is sent.</summary>
/// <param name="length">In bytes.</param>
/// <param name="withLength">With a content-length, or chunked.</param>
internal sealed class PayloadContent(long length, bool withLength = true) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Payload.WriteAsync(stream, length);

    protected override bool TryComputeLength(out long computed)
    {
        computed = length;
        return withLength;
    }
}
