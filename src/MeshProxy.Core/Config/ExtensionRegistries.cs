namespace MeshProxy.Core.Config;

/// <summary>The registries of extensions that a server was built with (network filters, HTTP filters ...), one of each type.</summary>
internal sealed class ExtensionRegistries : IExtensionCatalog
{
    private readonly Dictionary<Type, object> _registries = [];

    public void Add<T>(T registry)
        where T : class => _registries.Add(typeof(T), registry);

    /// <summary>Null if no such registry was added.</summary>
    public T? Find<T>()
        where T : class => (T?)_registries.GetValueOrDefault(typeof(T));

    /// <exception cref="InvalidOperationException">No such registry was added: the package that brings it is not part of this server.</exception>
    public T Get<T>()
        where T : class => (T)(_registries.GetValueOrDefault(typeof(T))
            ?? throw new InvalidOperationException($"{typeof(T).Name} is not part of this server"));

    /// <inheritdoc/>
    public ExtensionDescription? Find(ExtensionCategory category, string name) => Of(category)?.Describe(name);

    /// <inheritdoc/>
    public IEnumerable<string> Names(ExtensionCategory category) => Of(category)?.Names ?? [];

    private IExtensionRegistry? Of(ExtensionCategory category) =>
        _registries.Values.OfType<IExtensionRegistry>().FirstOrDefault(registry => registry.Category == category);
}

/// <summary>What the validator asks of a registry.</summary>
internal interface IExtensionRegistry
{
    ExtensionCategory Category { get; }

    IEnumerable<string> Names { get; }

    ExtensionDescription? Describe(string name);
}

/// <summary>Extensions of one kind by name, each with the way to validate its config and to make its factory.</summary>
/// <typeparam name="TContext">What the factory is given of the server.</typeparam>
/// <typeparam name="TFactory">What it makes.</typeparam>
internal abstract class ExtensionRegistry<TContext, TFactory>(ExtensionCategory category) : IExtensionRegistry
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public ExtensionCategory Category { get; } = category;

    /// <summary>Names that are known, for error messages.</summary>
    public IEnumerable<string> Names => _entries.Keys.Order(StringComparer.Ordinal);

    /// <summary>Registers an extension whose config is a <typeparamref name="TConfig"/>; a later registration of the name wins.</summary>
    public void Add<TConfig>(string name, IConfigValidator<TConfig>? validator, Func<TConfig, TContext, TFactory> create, bool isTerminal = false)
        where TConfig : class =>
        _entries[name] = new Entry(
            ExtensionDescription.Create(name, isTerminal, validator), (config, context) => create((TConfig)config!, context));

    /// <summary>Registers an extension without config.</summary>
    public void Add(string name, Func<TContext, TFactory> create, bool isTerminal = false) =>
        _entries[name] = new Entry(ExtensionDescription.Create(name, isTerminal), (_, context) => create(context));

    /// <inheritdoc/>
    public ExtensionDescription? Describe(string name) => _entries.GetValueOrDefault(name)?.Description;

    /// <summary>Makes the factory for a validated config.</summary>
    public TFactory Create(ExtensionConfig extension, TContext context) => _entries[extension.Name].Create(extension.TypedConfig, context);

    private sealed record Entry(ExtensionDescription Description, Func<object?, TContext, TFactory> Create);
}

/// <summary>The options that protocols have for clusters, by name. There is nothing to make: whoever speaks the protocol reads them.</summary>
internal sealed class ProtocolOptionsRegistry : IExtensionRegistry
{
    private readonly Dictionary<string, ExtensionDescription> _descriptions = new(StringComparer.Ordinal);

    public ExtensionCategory Category => ExtensionCategory.UpstreamProtocolOptions;

    public IEnumerable<string> Names => _descriptions.Keys.Order(StringComparer.Ordinal);

    public void Add<TConfig>(string name, IConfigValidator<TConfig> validator)
        where TConfig : class => _descriptions[name] = ExtensionDescription.Create(name, isTerminal: false, validator);

    public ExtensionDescription? Describe(string name) => _descriptions.GetValueOrDefault(name);
}
