using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace MeshProxy.Http.Config;

/// <summary>Makes the expression of a <see cref="RouteMatchConfig.SafeRegex"/>.</summary>
/// <remarks>
/// The non-backtracking engine takes time linear in the path, so that no path can stall a worker, as RE2 in Envoy. Both refuse
/// look-around and back-references; where the syntax differs, .NET's holds.
/// </remarks>
internal static class RouteRegex
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    /// <param name="pattern">It must fit the whole path, without anchors of its own.</param>
    /// <param name="regex">Safe from any thread.</param>
    /// <param name="error">What is wrong with the pattern.</param>
    public static bool TryCreate(string pattern, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? error)
    {
        try
        {
            // By itself first: "a)|(b" only compiles inside of the group.
            _ = new Regex(pattern, Options);
            regex = new Regex($@"\A(?:{pattern})\z", Options);
            error = null;
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            regex = null;
            error = exception.Message;
            return false;
        }
    }
}
