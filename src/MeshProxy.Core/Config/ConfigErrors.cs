using System.Globalization;

namespace MeshProxy.Core.Config;

/// <summary>Collects every error of a configuration, each with its path. Validators hand it down; the caller throws once at the end.</summary>
/// <remarks>
/// A view with a path of its own over one shared list: <c>errors.Field("clusters", 3).Add("connect_timeout", "must be greater than 0")</c>
/// adds <c>static_resources.clusters[3].connect_timeout: must be greater than 0</c>. Not thread-safe.
/// </remarks>
public sealed class ConfigErrors
{
    private readonly List<ConfigError> _errors;

    public ConfigErrors()
        : this([], "")
    {
    }

    private ConfigErrors(List<ConfigError> errors, string path)
    {
        _errors = errors;
        Path = path;
    }

    /// <summary>The path that this view prepends. Empty at the root.</summary>
    public string Path { get; }

    /// <summary>All errors so far, also those of other views over the same list.</summary>
    public IReadOnlyList<ConfigError> All => _errors;

    public int Count => _errors.Count;

    public bool IsEmpty => _errors.Count == 0;

    /// <summary>The view of a field below this one.</summary>
    public ConfigErrors Field(string name) => new(_errors, Combine(name));

    /// <summary>The view of an item of a repeated field below this one.</summary>
    public ConfigErrors Field(string name, int index) => new(_errors, Combine(name) + Index(index));

    /// <summary>The view of an entry of a map field below this one.</summary>
    public ConfigErrors Field(string name, string key) => new(_errors, $"{Combine(name)}[\"{key}\"]");

    /// <summary>Adds an error of the thing at <see cref="Path"/> itself.</summary>
    public void Add(string message) => _errors.Add(new ConfigError(Path, message));

    /// <summary>Adds an error of a field below <see cref="Path"/>.</summary>
    public void Add(string path, string message) => _errors.Add(new ConfigError(Combine(path), message));

    /// <summary>Adds an error unless a condition holds.</summary>
    /// <returns>The condition.</returns>
    public bool Require(bool condition, string path, string message)
    {
        if (!condition)
        {
            Add(path, message);
        }

        return condition;
    }

    /// <summary>Adds an error if a required text is empty.</summary>
    /// <returns>Whether it was there.</returns>
    public bool RequireText(string? value, string path) => Require(!string.IsNullOrEmpty(value), path, "must not be empty");

    /// <summary>Adds an error if a duration is zero or negative. Null passes.</summary>
    public bool RequirePositive(TimeSpan? value, string path) => Require(value is null || value > TimeSpan.Zero, path, "must be greater than 0");

    /// <summary>Adds an error if a number stands outside of a range, both ends included. Null passes.</summary>
    public bool RequireRange(long? value, long min, long max, string path) =>
        Require(value is null || (value >= min && value <= max), path, string.Create(CultureInfo.InvariantCulture, $"must be from {min} to {max}, is {value}"));

    /// <exception cref="ConfigException">There is at least one error.</exception>
    public void ThrowIfAny()
    {
        if (_errors.Count > 0)
        {
            throw new ConfigException(_errors);
        }
    }

    private static string Index(int index) => string.Create(CultureInfo.InvariantCulture, $"[{index}]");

    private string Combine(string name) => Path.Length == 0 ? name : name.Length == 0 ? Path : $"{Path}.{name}";
}
