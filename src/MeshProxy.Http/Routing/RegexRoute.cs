using System.Text.RegularExpressions;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Routing;

/// <summary>A route that is chosen by an expression. Immutable, safe from any thread.</summary>
/// <remarks>
/// The expression is asked only for paths that begin with what it begins with literally, which decides for most. When two workers use
/// one expression in the same instant, .NET lets the second one make a matcher of its own: that is all that is ever allocated.
/// </remarks>
internal sealed class RegexRoute
{
    private readonly byte[] _literalPrefix;
    private readonly Regex _regex;

    /// <exception cref="ArgumentException">The expression cannot be used.</exception>
    public RegexRoute(string pattern, int index)
    {
        if (!RouteRegex.TryCreate(pattern, out var regex, out var error))
        {
            throw new ArgumentException($"safe_regex: {error}", nameof(pattern));
        }

        _regex = regex;
        _literalPrefix = LiteralPrefix(pattern);
        Index = index;
    }

    /// <summary>The route's place in its virtual host.</summary>
    public int Index { get; }

    public bool MayMatch(ReadOnlySpan<byte> path) => path.StartsWith(_literalPrefix);

    public bool IsMatch(ReadOnlySpan<char> path) => _regex.IsMatch(path);

    /// <summary>The bytes that every path that fits must begin with; empty where that is not plain to see.</summary>
    internal static byte[] LiteralPrefix(string pattern)
    {
        var literal = new List<byte>();
        if (pattern.Contains('|', StringComparison.Ordinal))
        {
            return [];
        }

        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length && char.IsAsciiLetterOrDigit(pattern[i + 1]))
            {
                break; // a class, an anchor, a code
            }

            if (c == '\\' && i + 1 < pattern.Length)
            {
                c = pattern[++i];
            }
            else if (c is '\\' or '.' or '[' or ']' or '(' or ')' or '^' or '$' or '*' or '+' or '?' or '{' or '}' or '#')
            {
                break;
            }

            if (!char.IsAscii(c) || (i + 1 < pattern.Length && pattern[i + 1] is '*' or '?' or '{' or '+'))
            {
                break; // it may be absent
            }

            literal.Add((byte)c);
        }

        return [.. literal];
    }
}
