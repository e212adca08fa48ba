namespace MeshProxy.Core.Config;

/// <summary>A configuration was refused. Nothing of it was applied.</summary>
public sealed class ConfigException : Exception
{
    public ConfigException(IEnumerable<ConfigError> errors)
        : this(errors.ToEquatableArray())
    {
    }

    public ConfigException(string path, string message)
        : this([new ConfigError(path, message)])
    {
    }

    private ConfigException(EquatableArray<ConfigError> errors)
        : base(Describe(errors)) => Errors = errors;

    /// <summary>Every error that was found, not just the first.</summary>
    public EquatableArray<ConfigError> Errors { get; }

    private static string Describe(EquatableArray<ConfigError> errors) => errors.Count == 1
        ? errors[0].ToString()
        : $"the configuration has {errors.Count} errors:{Environment.NewLine}{string.Join(Environment.NewLine, errors)}";
}
