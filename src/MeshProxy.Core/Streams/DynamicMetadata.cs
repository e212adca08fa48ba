namespace MeshProxy.Core.Streams;

/// <summary>Structs by namespace (a filter's name, by convention) that filters set on a stream while it lives.</summary>
/// <remarks>Single-threaded (the connection's worker). Nothing is allocated before the first entry.</remarks>
public sealed class DynamicMetadata
{
    private Dictionary<string, MetadataStruct>? _namespaces;

    /// <summary>How many namespaces.</summary>
    public int Count => _namespaces?.Count ?? 0;

    /// <summary>The struct of a namespace, or null.</summary>
    public MetadataStruct? this[string @namespace] => _namespaces?.GetValueOrDefault(@namespace);

    /// <summary>A field of a namespace, or <see cref="MetadataValue.Null"/>.</summary>
    public MetadataValue Get(string @namespace, string key) => this[@namespace] is { } fields ? fields[key] : default;

    /// <summary>Sets fields of a namespace; fields that it has and <paramref name="fields"/> has not stay.</summary>
    public void Set(string @namespace, MetadataStruct fields)
    {
        ArgumentException.ThrowIfNullOrEmpty(@namespace);
        ArgumentNullException.ThrowIfNull(fields);
        _namespaces ??= new Dictionary<string, MetadataStruct>(StringComparer.Ordinal);
        _namespaces[@namespace] = _namespaces.TryGetValue(@namespace, out var present) ? present.Merge(fields) : fields;
    }

    /// <summary>Sets one field of a namespace.</summary>
    public void Set(string @namespace, string key, MetadataValue value) => Set(@namespace, new MetadataStruct { { key, value } });

    internal void Reset() => _namespaces?.Clear();
}
