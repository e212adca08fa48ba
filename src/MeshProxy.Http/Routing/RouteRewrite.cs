using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Routing;

/// <summary>What a route changes in the head of a request that it forwards. Immutable, safe from any thread.</summary>
internal sealed class RouteRewrite
{
    private const int StackBytes = 1024;

    private readonly byte[]? _host;
    private readonly byte[]? _prefix;
    private readonly int _matchedLength;

    private RouteRewrite(byte[]? host, byte[]? prefix, int matchedLength)
    {
        _host = host;
        _prefix = prefix;
        _matchedLength = matchedLength;
    }

    /// <returns>Null if the route changes nothing.</returns>
    public static RouteRewrite? Create(RouteConfig config)
    {
        if (config.Route is not { } action)
        {
            return null;
        }

        var host = action.HostRewriteLiteral.Length > 0 ? Encoding.UTF8.GetBytes(action.HostRewriteLiteral) : null;
        byte[]? prefix = null;

        // An expression and a connect_matcher match the whole path, so that is what is replaced.
        var matched = config.Match.Prefix ?? config.Match.Path ?? config.Match.PathSeparatedPrefix;
        if (action.PrefixRewrite.Length > 0 && !(config.Match.CaseSensitive && action.PrefixRewrite == matched))
        {
            prefix = Encoding.UTF8.GetBytes(action.PrefixRewrite);
        }

        return host is null && prefix is null ? null : new RouteRewrite(host, prefix, matched is null ? -1 : Encoding.UTF8.GetByteCount(matched));
    }

    public void Apply(RequestHeaders headers)
    {
        if (_prefix is not null && !headers.Path.IsEmpty)
        {
            RewritePath(headers, _prefix);
        }

        if (_host is not null)
        {
            var old = headers.Authority;
            if (!old.SequenceEqual(_host))
            {
                KeepOriginal(headers, HeaderNames.XEnvoyOriginalHost, old);
                headers.SetAuthority(_host);
            }
        }
    }

    [SkipLocalsInit]
    private void RewritePath(RequestHeaders headers, byte[] prefix)
    {
        var path = headers.Path;
        var matched = _matchedLength >= 0 ? _matchedLength : RequestPath.WithoutQuery(path).Length;
        if (matched > path.Length)
        {
            return; // a filter has made the path another one since the route was chosen
        }

        var length = prefix.Length + path.Length - matched;
        byte[]? rented = null;
        Span<byte> rewritten = length <= StackBytes ? stackalloc byte[StackBytes] : (rented = ArrayPool<byte>.Shared.Rent(length));
        rewritten = rewritten[..length];
        prefix.CopyTo(rewritten);
        path[matched..].CopyTo(rewritten[prefix.Length..]);
        KeepOriginal(headers, HeaderNames.XEnvoyOriginalPath, path);
        headers.SetPath(rewritten);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static void KeepOriginal(RequestHeaders headers, HeaderName name, ReadOnlySpan<byte> value)
    {
        // The header map takes values up to this; a request line may be longer.
        if (value.Length <= SlabPool.MaxSlabBytes / 2)
        {
            headers.Set(name, value);
        }
        else
        {
            headers.Remove(name);
        }
    }
}
