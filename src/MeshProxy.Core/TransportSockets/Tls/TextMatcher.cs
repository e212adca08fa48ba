using System.Text.RegularExpressions;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>A <see cref="StringMatcherConfig"/>, ready to use.</summary>
/// <remarks>Immutable, for any thread.</remarks>
internal sealed class TextMatcher
{
    private readonly StringMatcherConfig _config;
    private readonly StringComparison _comparison;
    private readonly Regex? _regex;

    public TextMatcher(StringMatcherConfig config)
    {
        _config = config;
        _comparison = config.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        _regex = config.SafeRegex is { } pattern ? TlsConfigValidation.CreateRegex(pattern) : null;
    }

    /// <summary>The whole text to match, where that is what is asked for.</summary>
    public string? Exact => _config.Exact;

    public bool IgnoreCase => _config.IgnoreCase;

    public bool IsMatch(string text) =>
        _config.Exact is { } exact ? string.Equals(text, exact, _comparison)
        : _config.Prefix is { } prefix ? text.StartsWith(prefix, _comparison)
        : _config.Suffix is { } suffix ? text.EndsWith(suffix, _comparison)
        : _config.Contains is { } part ? text.Contains(part, _comparison)
        : _regex is not null && _regex.IsMatch(text);
}
