namespace MeshProxy.Core.Config;

/// <summary>The registries of extensions that a server was built with (network filters, HTTP filters ...), one of each type.</summary>
internal sealed class ExtensionRegistries
{
    private readonly Dictionary<Type, object> _registries = [];

    public void Add<T>(T registry)
        where T : class => _registries.Add(typeof(T), registry);

    /// <exception cref="InvalidOperationException">No such registry was added: the package that brings it is not part of this server.</exception>
    public T Get<T>()
        where T : class => (T)(_registries.GetValueOrDefault(typeof(T))
            ?? throw new InvalidOperationException($"{typeof(T).Name} is not part of this server"));
}

/// <summary>Extensions of one kind by name, each with the way to validate its config and to make its factory.</summary>
/// <typeparam name="TContext">What the factory is given of the server.</typeparam>
/// <typeparam name="TFactory">What it makes.</typeparam>
internal abstract class ExtensionRegistry<TContext, TFactory>
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Names that are known, for error messages.</summary>
    public IEnumerable<string> Names => _entries.Keys.Order(StringComparer.Ordinal);

    /// <summary>Registers an extension whose config is a <typeparamref name="TConfig"/>; a later registration of the name wins.</summary>
    public void Add<TConfig>(string name, IConfigValidator<TConfig>? validator, Func<TConfig, TContext, TFactory> create, bool isTerminal = false)
        where TConfig : class =>
        _entries[name] = new Entry(
            isTerminal,
            (config, errors) =>
            {
                if (config is not TConfig typed)
                {
                    errors.Add("typed_config", $"'{name}' takes a {typeof(TConfig).Name}, not {config?.GetType().Name ?? "nothing"}");
                }
                else
                {
                    validator?.Validate(typed, errors);
                }
            },
            (config, context) => create((TConfig)config!, context));

    /// <summary>Registers an extension without config.</summary>
    public void Add(string name, Func<TContext, TFactory> create, bool isTerminal = false) =>
        _entries[name] = new Entry(isTerminal, static (_, _) => { }, (_, context) => create(context));

    public bool Contains(string name) => _entries.ContainsKey(name);

    public bool IsTerminal(string name) => _entries.TryGetValue(name, out var entry) && entry.IsTerminal;

    /// <summary>Adds what is wrong with an extension's name or config.</summary>
    public void Validate(ExtensionConfig extension, ConfigErrors errors)
    {
        if (_entries.TryGetValue(extension.Name, out var entry))
        {
            entry.Validate(extension.TypedConfig, errors);
        }
        else
        {
            errors.Add("name", $"'{extension.Name}' is not registered; known are: {string.Join(", ", Names)}");
        }
    }

    /// <summary>Makes the factory for a validated config.</summary>
    public TFactory Create(ExtensionConfig extension, TContext context) => _entries[extension.Name].Create(extension.TypedConfig, context);

    private sealed record Entry(bool IsTerminal, Action<object?, ConfigErrors> Validate, Func<object?, TContext, TFactory> Create);
}
