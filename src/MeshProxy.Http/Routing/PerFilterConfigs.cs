using System.Collections.Frozen;
using MeshProxy.Core.Config;

namespace MeshProxy.Http.Routing;

/// <summary>Merges <c>typed_per_filter_config</c> of the levels of a route table: for each filter the most specific one counts.</summary>
internal static class PerFilterConfigs
{
    public static FrozenDictionary<string, object?> None => FrozenDictionary<string, object?>.Empty;

    /// <returns><paramref name="outer"/> itself if there is nothing to add, so that 10,000 plain routes share one dictionary.</returns>
    public static FrozenDictionary<string, object?> Override(this FrozenDictionary<string, object?> outer, EquatableArray<ExtensionConfig> inner)
    {
        if (inner.IsEmpty)
        {
            return outer;
        }

        var merged = new Dictionary<string, object?>(outer, StringComparer.Ordinal);
        foreach (var extension in inner)
        {
            merged[extension.Name] = extension.TypedConfig;
        }

        return merged.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
