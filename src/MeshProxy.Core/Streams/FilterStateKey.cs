namespace MeshProxy.Core.Streams;

/// <summary>How long a <see cref="FilterState"/> entry lives.</summary>
public enum FilterStateLifeSpan : byte
{
    /// <summary>One pass through a filter chain: gone after an internal redirect.</summary>
    FilterChain,

    /// <summary>The request (the connection, at layer 4).</summary>
    Request,

    /// <summary>The downstream connection: later requests on it see it.</summary>
    Connection,
}

/// <summary>Whether a <see cref="FilterState"/> entry may be replaced.</summary>
public enum FilterStateMutability : byte
{
    /// <summary>Set once.</summary>
    ReadOnly,

    Mutable,
}

/// <summary>The name of a kind of filter state. Make one, keep it in a static field, and share it with those who read the state.</summary>
public abstract class FilterStateKey
{
    private protected FilterStateKey(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
    }

    /// <summary>The name that <c>%FILTER_STATE(name)%</c> and Envoy's configs use: <c>envoy.upstream.dynamic_host</c>.</summary>
    public string Name { get; }

    public override string ToString() => Name;
}

/// <summary>A typed key of filter state. Two keys are different even if their names are not.</summary>
public sealed class FilterStateKey<T>(string name) : FilterStateKey(name)
    where T : class;
