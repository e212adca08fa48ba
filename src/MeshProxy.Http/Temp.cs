#pragma warning disable CS9113
using System.Collections.Frozen;
using MeshProxy.Core.Network;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;
namespace MeshProxy.Http.Routing
{
    internal sealed class RouteTable
    {
        private RouteEntry[] _r = [];
        public static RouteTable Compile(RouteConfiguration c) => new() { _r = c.VirtualHosts.ToArray().SelectMany(v => v.Routes.ToArray().Select(r => new RouteEntry(r, v.Name, FrozenDictionary<string, object?>.Empty))).ToArray() };
        public RouteEntry? Match(RequestHeaders h)
        {
            foreach (var r in _r)
            {
                if (r.Config.Match.Prefix is { } p && System.Text.Encoding.ASCII.GetString(h.Path).StartsWith(p, StringComparison.Ordinal)) return r;
            }
            return null;
        }
    }
}
namespace MeshProxy.Http.ConnectionManager
{
    internal sealed class ClientIdentity(HttpConnectionManagerConfig c, NetworkAddress? remote, NetworkAddress? direct) { }
    internal readonly record struct MutationResult(bool IsOk, int Status = 0, string Details = "", string? Location = null);
    internal sealed class RequestMutation(HttpConnectionManagerConfig c) { public MutationResult Apply(RequestHeaders h, ClientIdentity c) => new(true); }
    internal sealed class ResponseMutation(HttpConnectionManagerConfig c) { public void Apply(ResponseHeaders h, RequestHeaders r) { h.Set(HeaderNames.Server, "meshproxy"u8); } }
}
