using System.Text;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Brings a response's headers into the shape that the downstream gets: <c>server</c>, <c>via</c>, <c>x-request-id</c>. The codec sees to
/// connection-specific headers.</summary>
/// <remarks>Made once for a connection manager's config; immutable, safe from any thread. Allocates nothing.</remarks>
internal sealed class ResponseMutation(HttpConnectionManagerConfig config)
{
    private const int MaxEchoedIdLength = 1024;

    private readonly HeaderLine _server = new(HeaderNames.Server, config.ServerName);
    private readonly ServerHeaderTransformation _serverHeader = config.ServerHeaderTransformation;
    private readonly byte[] _via = Encoding.UTF8.GetBytes(config.Via);
    private readonly bool _alwaysSetRequestId = config.AlwaysSetRequestIdInResponse;

    public void Apply(ResponseHeaders headers, RequestHeaders request)
    {
        if (_serverHeader == ServerHeaderTransformation.Overwrite
            || (_serverHeader == ServerHeaderTransformation.AppendIfAbsent && !headers.Contains(HeaderId.Server)))
        {
            _server.SetOn(headers);
        }

        // A client from inside that forces a trace wants to know which one it is.
        if ((_alwaysSetRequestId || request.Contains(HeaderId.XEnvoyForceTrace)) && request.TryGet(HeaderNames.XRequestId, out var id)
            && id.Length <= MaxEchoedIdLength)
        {
            headers.Set(HeaderNames.XRequestId, id);
        }

        if (_via.Length > 0)
        {
            // A line of its own at the end follows all entries, also where they came in several lines.
            headers.Add(HeaderNames.Via, _via);
        }
    }
}
