namespace MeshProxy.Core.Config;

/// <summary>What a text must look like (Envoy: <c>type.matcher.v3.StringMatcher</c>). Exactly one of the patterns is set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record StringMatcherConfig
{
    /// <summary>The whole text (Envoy: <c>exact</c>).</summary>
    public string? Exact { get; init; }

    /// <summary>Its beginning; not empty (Envoy: <c>prefix</c>).</summary>
    public string? Prefix { get; init; }

    /// <summary>Its end; not empty (Envoy: <c>suffix</c>).</summary>
    public string? Suffix { get; init; }

    /// <summary>A part of it; not empty (Envoy: <c>contains</c>).</summary>
    public string? Contains { get; init; }

    /// <summary>An expression that the whole text must match, and that runs without backtracking (Envoy: <c>safe_regex.regex</c>).</summary>
    public string? SafeRegex { get; init; }

    /// <summary>Whether upper and lower case ASCII letters are the same; not for an expression (Envoy: <c>ignore_case</c>).</summary>
    public bool IgnoreCase { get; init; }

    internal int Count =>
        (Exact is null ? 0 : 1) + (Prefix is null ? 0 : 1) + (Suffix is null ? 0 : 1) + (Contains is null ? 0 : 1) + (SafeRegex is null ? 0 : 1);
}
