using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

sealed class MyFilter : HttpFilter
{
    public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        headers.Set("x-served-by", "mesh");
        return default; // Continue
    }
}
