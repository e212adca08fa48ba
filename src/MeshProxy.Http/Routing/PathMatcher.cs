using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Routing;

/// <summary>Finds the first of a virtual host's routes whose path specifier fits.</summary>
/// <remarks>
/// Immutable after the constructor, safe from any thread; a lookup allocates nothing. Routes are tried in their order by Envoy; here each
/// kind of specifier has a structure of its own that gives the lowest place in that order, and the lowest of those counts. Only
/// expressions are tried one after the other, and only those that stand before what was found already.
/// </remarks>
internal sealed class PathMatcher
{
    /// <summary>No route fits.</summary>
    public const int None = PathTrie.None;

    private const int StackChars = 512;

    private readonly ByteStringMap _exact;
    private readonly PathTrie _prefixes;
    private readonly ByteStringMap _foldedExact;
    private readonly PathTrie _foldedPrefixes;
    private readonly bool _anyFolded;
    private readonly int _maxFoldedLength;
    private readonly RegexRoute[] _regexes;

    /// <exception cref="ArgumentException">An expression cannot be used.</exception>
    public PathMatcher(ReadOnlySpan<RouteConfig> routes)
    {
        List<KeyValuePair<byte[], int>> exact = [], foldedExact = [];
        List<TriePrefix> prefixes = [], foldedPrefixes = [];
        List<RegexRoute> regexes = [];
        for (var i = 0; i < routes.Length; i++)
        {
            var match = routes[i].Match;
            if (match.Path is { } path)
            {
                (match.CaseSensitive ? exact : foldedExact).Add(new(Key(path), i));
            }
            else if ((match.Prefix ?? match.PathSeparatedPrefix) is { } prefix)
            {
                (match.CaseSensitive ? prefixes : foldedPrefixes).Add(new(Key(prefix), i, Separated: match.Prefix is null));
            }
            else if (match.SafeRegex is { } pattern)
            {
                regexes.Add(new RegexRoute(pattern, i));
            }

            byte[] Key(string text) => match.CaseSensitive ? Encoding.UTF8.GetBytes(text) : AsciiFolding.ToLower(text);
        }

        _exact = new ByteStringMap(exact);
        _prefixes = new PathTrie(prefixes);
        _foldedExact = new ByteStringMap(foldedExact);
        _foldedPrefixes = new PathTrie(foldedPrefixes);
        _anyFolded = foldedExact.Count + foldedPrefixes.Count > 0;
        _maxFoldedLength = Math.Max(_foldedPrefixes.MaxPrefixLength, foldedExact.Count == 0 ? 0 : foldedExact.Max(f => f.Key.Length));
        _regexes = [.. regexes];
    }

    /// <param name="path">Without query.</param>
    /// <param name="best">Only routes before this one count.</param>
    /// <returns>The route's place, or <paramref name="best"/>.</returns>
    public int FindFirst(ReadOnlySpan<byte> path, int best)
    {
        if (_exact.TryFind(path, out var exact) && exact < best)
        {
            best = exact;
        }

        best = _prefixes.FindLowest(path, best);
        if (_anyFolded)
        {
            best = FindFolded(path, best);
        }

        return _regexes.Length == 0 ? best : FindRegex(path, best);
    }

    [SkipLocalsInit]
    private int FindFolded(ReadOnlySpan<byte> path, int best)
    {
        // Beyond the longest specifier one byte decides: there is more, and whether it is a slash.
        var length = Math.Min(path.Length, _maxFoldedLength + 1);
        byte[]? rented = null;
        Span<byte> lower = length <= StackChars ? stackalloc byte[StackChars] : (rented = ArrayPool<byte>.Shared.Rent(length));
        lower = lower[..length];
        AsciiFolding.ToLower(path[..length], lower);
        if (_foldedExact.TryFind(lower, out var exact) && exact < best)
        {
            best = exact;
        }

        best = _foldedPrefixes.FindLowest(lower, best);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return best;
    }

    [SkipLocalsInit]
    private int FindRegex(ReadOnlySpan<byte> path, int best)
    {
        char[]? rented = null;
        Span<char> chars = path.Length <= StackChars ? stackalloc char[StackChars] : (rented = ArrayPool<char>.Shared.Rent(path.Length));
        chars = chars[..path.Length];
        var widened = false;
        foreach (var route in _regexes)
        {
            if (route.Index >= best)
            {
                break;
            }

            if (!route.MayMatch(path))
            {
                continue;
            }

            if (!widened)
            {
                // A path is ASCII; what a codec lets through beyond that is one character a byte.
                Encoding.Latin1.GetChars(path, chars);
                widened = true;
            }

            if (route.IsMatch(chars))
            {
                best = route.Index;
                break;
            }
        }

        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }

        return best;
    }
}
