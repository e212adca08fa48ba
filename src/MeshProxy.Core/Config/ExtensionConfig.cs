namespace MeshProxy.Core.Config;

/// <summary>A reference to an extension: the name that its factory is registered under, and its own config
/// (Envoy: <c>name</c> and <c>typed_config</c> of a filter or a transport socket).</summary>
/// <param name="Name">For example <c>envoy.filters.network.tcp_proxy</c>.</param>
/// <param name="TypedConfig">The extension's config record; null if it has none. It must compare by value, or every update would drain
/// the connections that use it.</param>
public sealed record ExtensionConfig(string Name, object? TypedConfig = null);
