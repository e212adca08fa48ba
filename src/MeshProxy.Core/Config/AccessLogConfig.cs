namespace MeshProxy.Core.Config;

/// <summary>Where access log lines go and what they say (Envoy: <c>AccessLog</c> with <c>FileAccessLog</c>). Exactly one of
/// <see cref="Path"/> and <see cref="Logger"/> is set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record AccessLogConfig
{
    /// <summary>The file that lines are appended to (Envoy: <c>FileAccessLog.path</c>). <c>/dev/stdout</c> works.</summary>
    public string? Path { get; init; }

    /// <summary>The category of the <c>ILogger</c> that gets the lines, at level Information. Ours; Envoy has none.</summary>
    public string? Logger { get; init; }

    /// <summary>The line's format, in Envoy's command operators (Envoy: <c>log_format.text_format</c>).</summary>
    /// <value>Null: Envoy's default format of the place where it is used.</value>
    public string? Format { get; init; }
}
