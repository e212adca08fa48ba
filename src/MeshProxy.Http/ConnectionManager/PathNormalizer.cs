using System.Buffers;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What is to become of a request after its path was normalised.</summary>
internal enum PathNormalization : byte
{
    Continue,

    /// <summary>400.</summary>
    Reject,

    /// <summary>307 to the path that the request has now.</summary>
    Redirect,
}

/// <summary>
/// Normalises the path before anything looks at it (Envoy: <c>path_with_escaped_slashes_action</c>, then <c>normalize_path</c>, then
/// <c>merge_slashes</c>). The query stays as it is. Immutable, safe from any thread; allocates nothing.
/// </summary>
/// <remarks>
/// Normalising is RFC 3986 section 6.2.2, as Chromium's library does it, which Envoy uses: escapes of unreserved characters are decoded, dot
/// segments taken out, backslashes become slashes, and characters that may not stand in a path are escaped. One difference: a percent
/// sign that escapes nothing becomes <c>%25</c> and does not stay, or <c>%%32e</c> would be <c>%2e</c> after us and a dot after the next one.
/// </remarks>
internal sealed class PathNormalizer(HttpConnectionManagerConfig config)
{
    // Escaping may make a path longer than the header map takes.
    private const int MaxLength = 60 * 1024;

    private const int StackBytes = 1024;

    // Any of these may need a change; a dot only after a slash.
    private static readonly SearchValues<byte> s_suspicious = SearchValues.Create(
        [.. Enumerable.Range(0, 256).Select(i => (byte)i).Where(static b => b is (byte)'%' or (byte)'\\' || MustEscape(b))]);

    private readonly PathWithEscapedSlashesAction _escapedSlashes = config.PathWithEscapedSlashesAction;
    private readonly bool _normalize = config.NormalizePath;
    private readonly bool _mergeSlashes = config.MergeSlashes;

    /// <summary>Whether there is anything that <see cref="Apply"/> may do.</summary>
    public bool IsActive => _normalize || _mergeSlashes || ActsOnEscapedSlashes;

    private bool ActsOnEscapedSlashes =>
        _escapedSlashes is not (PathWithEscapedSlashesAction.KeepUnchanged or PathWithEscapedSlashesAction.ImplementationSpecificDefault);

    /// <param name="headers">Its path begins with a slash.</param>
    public PathNormalization Apply(RequestHeaders headers)
    {
        var target = headers.Path;
        var pathLength = target.IndexOf((byte)'?');
        var path = pathLength < 0 ? target : target[..pathLength];
        return IsNormal(path) ? PathNormalization.Continue : Rewrite(headers, target, path);
    }

    /// <summary>Whether a look from afar shows that nothing is to be done, as for nearly all paths.</summary>
    private bool IsNormal(ReadOnlySpan<byte> path)
    {
        if (_normalize ? path.ContainsAny(s_suspicious) || path.IndexOf("/."u8) >= 0 : ActsOnEscapedSlashes && path.Contains((byte)'%'))
        {
            return false;
        }

        return !_mergeSlashes || path.IndexOf("//"u8) < 0;
    }

    private PathNormalization Rewrite(RequestHeaders headers, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path)
    {
        // An escape is three bytes for one.
        var room = (3 * path.Length) + target.Length - path.Length;
        byte[]? rented = null;
        Span<byte> into = room <= StackBytes ? stackalloc byte[StackBytes] : (rented = ArrayPool<byte>.Shared.Rent(room));
        var result = Rewrite(headers, target, path, into);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return result;
    }

    private PathNormalization Rewrite(RequestHeaders headers, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, Span<byte> into)
    {
        var result = PathNormalization.Continue;
        var query = target[path.Length..];
        var unescape = false;
        if (ActsOnEscapedSlashes && IndexOfEscapedSlash(path) >= 0)
        {
            if (_escapedSlashes == PathWithEscapedSlashesAction.RejectRequest)
            {
                return PathNormalization.Reject;
            }

            unescape = true;
            result = _escapedSlashes == PathWithEscapedSlashesAction.UnescapeAndRedirect ? PathNormalization.Redirect : result;
        }

        int length;
        if (_normalize)
        {
            length = Decode(path, into, unescape);
            if (length < 0)
            {
                return PathNormalization.Reject;
            }

            length = RemoveDotSegments(into[..length]);
        }
        else
        {
            length = unescape ? UnescapeSlashes(path, into) : path.Length;
            if (!unescape)
            {
                path.CopyTo(into);
            }
        }

        if (_mergeSlashes)
        {
            length = MergeSlashes(into[..length]);
        }

        if (length + query.Length > MaxLength)
        {
            return PathNormalization.Reject;
        }

        if (!path.SequenceEqual(into[..length]))
        {
            query.CopyTo(into[length..]);
            headers.SetPath(into[..(length + query.Length)]);
        }

        return result;
    }

    private static int IndexOfEscapedSlash(ReadOnlySpan<byte> path)
    {
        for (var i = 0; i + 2 < path.Length; i++)
        {
            if (path[i] == '%' && EscapedSlashAt(path, i) != 0)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>What %2F or %5C stands at a percent sign, or 0.</summary>
    private static byte EscapedSlashAt(ReadOnlySpan<byte> path, int at) =>
        TryUnescape(path, at, out var value) && value is (byte)'/' or (byte)'\\' ? value : (byte)0;

    private static int UnescapeSlashes(ReadOnlySpan<byte> path, Span<byte> into)
    {
        var length = 0;
        for (var i = 0; i < path.Length; i++)
        {
            var b = path[i];
            if (b == '%' && EscapedSlashAt(path, i) is not 0 and var slash)
            {
                b = slash;
                i += 2;
            }

            into[length++] = b;
        }

        return length;
    }

    /// <summary>Decodes what needs no escape and escapes what does.</summary>
    /// <returns>The length, or -1 if the path holds a NUL.</returns>
    private static int Decode(ReadOnlySpan<byte> path, Span<byte> into, bool unescapeSlashes)
    {
        var length = 0;
        for (var i = 0; i < path.Length; i++)
        {
            var b = path[i];
            if (b == '%')
            {
                if (!TryUnescape(path, i, out var value))
                {
                    length += WriteEscape(into[length..], b);
                    continue;
                }

                if (value == 0)
                {
                    return -1;
                }

                if (IsUnreserved(value) || (unescapeSlashes && value is (byte)'/' or (byte)'\\'))
                {
                    into[length++] = value == '\\' ? (byte)'/' : value;
                }
                else
                {
                    path.Slice(i, 3).CopyTo(into[length..]);
                    length += 3;
                }

                i += 2;
            }
            else if (b == 0)
            {
                return -1;
            }
            else if (MustEscape(b))
            {
                length += WriteEscape(into[length..], b);
            }
            else
            {
                into[length++] = b == '\\' ? (byte)'/' : b;
            }
        }

        return length;
    }

    /// <summary>RFC 3986 section 5.2.4, in place.</summary>
    private static int RemoveDotSegments(Span<byte> path)
    {
        var length = 0;
        for (var at = 0; at < path.Length;)
        {
            // Each segment is taken with the slash before it.
            var end = path[(at + 1)..].IndexOf((byte)'/');
            var isLast = end < 0;
            var segment = isLast ? path[at..] : path[at..(at + 1 + end)];
            at += segment.Length;
            var isDots = segment.SequenceEqual("/.."u8);
            if (isDots)
            {
                length = Math.Max(0, path[..length].LastIndexOf((byte)'/'));
            }

            if (!isDots && !segment.SequenceEqual("/."u8))
            {
                segment.CopyTo(path[length..]);
                length += segment.Length;
            }
            else if (isLast)
            {
                path[length++] = (byte)'/';
            }
        }

        return length;
    }

    private static int MergeSlashes(Span<byte> path)
    {
        var length = 0;
        foreach (var b in path)
        {
            if (b != '/' || length == 0 || path[length - 1] != '/')
            {
                path[length++] = b;
            }
        }

        return length;
    }

    private static bool TryUnescape(ReadOnlySpan<byte> path, int percent, out byte value)
    {
        value = 0;
        return percent + 2 < path.Length
            && char.IsAsciiHexDigit((char)path[percent + 1]) && char.IsAsciiHexDigit((char)path[percent + 2])
            && Convert.FromHexString(path.Slice(percent + 1, 2), new Span<byte>(ref value), out _, out _) == OperationStatus.Done;
    }

    private static int WriteEscape(Span<byte> into, byte value)
    {
        into[0] = (byte)'%';
        into[1] = "0123456789ABCDEF"u8[value >> 4];
        into[2] = "0123456789ABCDEF"u8[value & 15];
        return 3;
    }

    /// <summary>RFC 3986 section 2.3.</summary>
    private static bool IsUnreserved(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~';

    private static bool MustEscape(byte b) =>
        b is <= (byte)' ' or >= 0x7F or (byte)'"' or (byte)'<' or (byte)'>' or (byte)'`' or (byte)'{' or (byte)'}' or (byte)'#';
}
