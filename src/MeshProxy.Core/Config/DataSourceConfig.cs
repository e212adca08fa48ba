using System.Text;

namespace MeshProxy.Core.Config;

/// <summary>Where bytes such as a certificate or a key come from (Envoy: <c>config.core.v3.DataSource</c>). Exactly one is set.</summary>
/// <remarks>Immutable, compared by value. Its text form names the source and never shows inline content.</remarks>
public sealed record DataSourceConfig
{
    /// <summary>A file; read when the server or the update is built (Envoy: <c>filename</c>).</summary>
    public string? Filename { get; init; }

    /// <summary>The content itself (Envoy: <c>inline_bytes</c>). Empty: not this.</summary>
    public EquatableArray<byte> InlineBytes { get; init; }

    /// <summary>The content itself, as text (Envoy: <c>inline_string</c>).</summary>
    public string? InlineString { get; init; }

    /// <summary>An environment variable with the content (Envoy: <c>environment_variable</c>).</summary>
    public string? EnvironmentVariable { get; init; }

    /// <summary>A file's content.</summary>
    public static DataSourceConfig File(string path) => new() { Filename = path };

    /// <summary>Text, such as PEM.</summary>
    public static DataSourceConfig Inline(string text) => new() { InlineString = text };

    /// <summary>Names the source; shows no content.</summary>
    public override string ToString() =>
        Filename is not null ? $"filename {Filename}"
        : EnvironmentVariable is not null ? $"environment_variable {EnvironmentVariable}"
        : InlineString is not null ? "inline_string"
        : InlineBytes.IsEmpty ? "nothing" : "inline_bytes";

    /// <summary>How many of the four are set.</summary>
    internal int Count => (Filename is null ? 0 : 1) + (InlineBytes.IsEmpty ? 0 : 1) + (InlineString is null ? 0 : 1) + (EnvironmentVariable is null ? 0 : 1);

    /// <summary>Reads the content. Blocks: control side only.</summary>
    /// <param name="errors">Gets what went wrong, at the path of this source.</param>
    /// <returns>Null if there was an error.</returns>
    internal byte[]? Read(ConfigErrors errors)
    {
        if (!errors.Require(Count == 1, "", "set exactly one of filename, inline_bytes, inline_string and environment_variable"))
        {
            return null;
        }

        if (InlineString is not null)
        {
            return Encoding.UTF8.GetBytes(InlineString);
        }

        if (EnvironmentVariable is not null)
        {
            var value = EnvironmentVariable.Length == 0 ? null : Environment.GetEnvironmentVariable(EnvironmentVariable);
            errors.Require(value is not null, "environment_variable", $"there is no environment variable '{EnvironmentVariable}'");
            return value is null ? null : Encoding.UTF8.GetBytes(value);
        }

        return Filename is null ? [.. InlineBytes] : ReadFile(Filename, errors.Field("filename"));
    }

    private static byte[]? ReadFile(string path, ConfigErrors errors)
    {
        if (!errors.RequireText(path, ""))
        {
            return null;
        }

        try
        {
            return System.IO.File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            errors.Add($"'{path}' cannot be read: {exception.Message}");
            return null;
        }
    }
}
