namespace MeshProxy.Core.Config;

/// <summary>What the validator must know of an extension.</summary>
/// <remarks>Immutable.</remarks>
public sealed class ExtensionDescription
{
    private readonly Action<object, ConfigErrors>? _validate;
    private readonly Func<object, bool>? _isOfType;

    private ExtensionDescription(string name, bool isTerminal, Type? configType, Func<object, bool>? isOfType, Action<object, ConfigErrors>? validate)
    {
        Name = name;
        IsTerminal = isTerminal;
        ConfigType = configType;
        _isOfType = isOfType;
        _validate = validate;
    }

    public string Name { get; }

    /// <summary>Whether the filter ends its chain: it stands last, and only such a one does.</summary>
    public bool IsTerminal { get; }

    /// <value>Null: the extension has no config.</value>
    public Type? ConfigType { get; }

    /// <summary>An extension with a config record, which a use of it must give.</summary>
    public static ExtensionDescription Create<TConfig>(string name, bool isTerminal = false, IConfigValidator<TConfig>? validator = null)
        where TConfig : class =>
        new(name, isTerminal, typeof(TConfig), config => config is TConfig, validator is null ? null : (config, errors) => validator.Validate((TConfig)config, errors));

    /// <summary>An extension without config.</summary>
    public static ExtensionDescription Create(string name, bool isTerminal = false) => new(name, isTerminal, null, null, null);

    /// <summary>Checks a use's config: its presence, its type, then its content by the extension's own validator.</summary>
    /// <param name="config">The <see cref="ExtensionConfig.TypedConfig"/>.</param>
    /// <param name="errors">At the path of the config.</param>
    internal void Validate(object? config, ConfigErrors errors)
    {
        if (ConfigType is null)
        {
            errors.Require(config is null, "", $"{Name} takes no config, got a {config?.GetType().Name}");
        }
        else if (config is null)
        {
            errors.Add($"is required: {Name} takes a {ConfigType.Name}");
        }
        else if (!_isOfType!(config))
        {
            errors.Add($"must be a {ConfigType.Name}, is a {config.GetType().Name}");
        }
        else
        {
            _validate?.Invoke(config, errors);
        }
    }
}
