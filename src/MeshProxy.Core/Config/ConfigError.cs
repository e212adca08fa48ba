namespace MeshProxy.Core.Config;

/// <summary>One thing that is wrong with a configuration.</summary>
/// <param name="Path">Where, in Envoy's names: <c>static_resources.clusters[3].connect_timeout</c>. Empty for the whole.</param>
/// <param name="Message">What is wrong and what would be accepted.</param>
public sealed record ConfigError(string Path, string Message)
{
    public override string ToString() => Path.Length == 0 ? Message : $"{Path}: {Message}";
}
