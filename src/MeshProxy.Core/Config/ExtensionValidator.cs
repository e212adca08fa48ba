namespace MeshProxy.Core.Config;

/// <summary>Checks uses of extensions: that they are registered, that their configs are sound, that a chain ends as it must.</summary>
internal sealed class ExtensionValidator(IExtensionCatalog catalog)
{
    /// <summary>Plain bytes: what a listener or a cluster has that names no transport socket.</summary>
    public const string RawBuffer = "envoy.transport_sockets.raw_buffer";

    /// <summary>Checks one use.</summary>
    /// <param name="category">Where it plugs in.</param>
    /// <param name="extension">The use.</param>
    /// <param name="errors">At the path of the use.</param>
    /// <returns>Null if there is no such extension.</returns>
    public ExtensionDescription? Validate(ExtensionCategory category, ExtensionConfig extension, ConfigErrors errors)
    {
        var description = Find(category, extension.Name, errors);
        description?.Validate(extension.TypedConfig, errors.Field("typed_config"));
        return description;
    }

    /// <summary>Checks what lies between a socket and its filters, if anything is named.</summary>
    public void ValidateTransportSocket(ExtensionCategory category, ExtensionConfig? extension, ConfigErrors errors)
    {
        if (extension is { Name: RawBuffer })
        {
            errors.Require(extension.TypedConfig is null, "typed_config", $"{RawBuffer} takes no config, got a {extension.TypedConfig?.GetType().Name}");
        }
        else if (extension is not null)
        {
            Validate(category, extension, errors);
        }
    }

    /// <summary>Checks filters that run in order and end with a terminal one.</summary>
    /// <param name="category">Network or HTTP filter.</param>
    /// <param name="filters">In order.</param>
    /// <param name="field">The name of the list.</param>
    /// <param name="errors">At the path of what has the list.</param>
    public void ValidateChain(ExtensionCategory category, EquatableArray<ExtensionConfig> filters, string field, ConfigErrors errors)
    {
        for (var i = 0; i < filters.Count; i++)
        {
            var at = errors.Field(field, i);
            if (Validate(category, filters[i], at) is not { } description)
            {
                continue;
            }

            var last = i == filters.Count - 1;
            if (description.IsTerminal && !last)
            {
                at.Add($"{description.Name} is terminal: it must be the last filter, and what follows would never run");
            }
            else if (!description.IsTerminal && last)
            {
                at.Add($"{description.Name} is not terminal: the last filter must be, such as {string.Join(", ", TerminalNames(category))}");
            }
        }
    }

    /// <summary>Checks configs of filters that a route overrides.</summary>
    public void ValidatePerFilterConfig(EquatableArray<ExtensionConfig> configs, ConfigErrors errors)
    {
        var seen = new HashSet<string>();
        foreach (var config in configs)
        {
            var at = errors.Field("typed_per_filter_config", config.Name);
            at.Require(seen.Add(config.Name), "", "is given twice");
            Find(ExtensionCategory.HttpFilter, config.Name, at)?.Validate(config.TypedConfig, at);
        }
    }

    /// <summary>Checks options that a protocol has for a cluster.</summary>
    public void ValidateProtocolOptions(ExtensionConfig options, ConfigErrors errors) =>
        Find(ExtensionCategory.UpstreamProtocolOptions, options.Name, errors)?.Validate(options.TypedConfig, errors);

    private ExtensionDescription? Find(ExtensionCategory category, string name, ConfigErrors errors)
    {
        if (!errors.RequireText(name, "name"))
        {
            return null;
        }

        var description = catalog.Find(category, name);
        if (description is null)
        {
            var isTransport = category is ExtensionCategory.DownstreamTransportSocket or ExtensionCategory.UpstreamTransportSocket;
            var known = isTransport ? catalog.Names(category).Append(RawBuffer) : catalog.Names(category);
            var names = string.Join(", ", known.Order(StringComparer.Ordinal));
            errors.Add("name", $"no {Describe(category)} '{name}' is registered; {(names.Length == 0 ? "there is none" : "there are " + names)}");
        }

        return description;
    }

    private IEnumerable<string> TerminalNames(ExtensionCategory category) =>
        catalog.Names(category).Where(name => catalog.Find(category, name) is { IsTerminal: true }).Order(StringComparer.Ordinal);

    private static string Describe(ExtensionCategory category) => category switch
    {
        ExtensionCategory.ListenerFilter => "listener filter",
        ExtensionCategory.NetworkFilter => "network filter",
        ExtensionCategory.HttpFilter => "HTTP filter",
        ExtensionCategory.DownstreamTransportSocket => "downstream transport socket",
        ExtensionCategory.UpstreamProtocolOptions => "protocol's options",
        _ => "upstream transport socket",
    };
}
