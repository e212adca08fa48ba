using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Routes for some host names (Envoy: <c>config.route.v3.VirtualHost</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record VirtualHostConfig
{
    /// <summary>Unique in the route table (Envoy: <c>name</c>).</summary>
    public required string Name { get; init; }

    /// <summary>In any case; at least one: <c>www.foo.com</c>, a suffix <c>*.foo.com</c> or <c>*-bar.foo.com</c>, a prefix <c>foo.*</c> or
    /// <c>foo-*</c>, or <c>*</c>. Whole names win, then the longest suffix, then the longest prefix, then <c>*</c>
    /// (Envoy: <c>domains</c>).</summary>
    public EquatableArray<string> Domains { get; init; }

    /// <summary>The first that fits is taken (Envoy: <c>routes</c>).</summary>
    public EquatableArray<RouteConfig> Routes { get; init; }

    /// <summary>By filter name (Envoy: <c>typed_per_filter_config</c>).</summary>
    public EquatableArray<ExtensionConfig> TypedPerFilterConfig { get; init; }
}
