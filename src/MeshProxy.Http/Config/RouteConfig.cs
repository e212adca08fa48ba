using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>What to do with some requests (Envoy: <c>config.route.v3.Route</c>). Exactly one of <see cref="Route"/> and
/// <see cref="DirectResponse"/> is set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record RouteConfig
{
    /// <summary>For logs (Envoy: <c>name</c>).</summary>
    /// <value>Empty.</value>
    public string Name { get; init; } = "";

    /// <summary>Envoy: <c>match</c>.</summary>
    public required RouteMatchConfig Match { get; init; }

    /// <summary>Forward to a cluster (Envoy: <c>route</c>).</summary>
    public RouteActionConfig? Route { get; init; }

    /// <summary>Answer here (Envoy: <c>direct_response</c>).</summary>
    public DirectResponseActionConfig? DirectResponse { get; init; }

    /// <summary>By filter name; this is the most specific of the three levels (Envoy: <c>typed_per_filter_config</c>).</summary>
    public EquatableArray<ExtensionConfig> TypedPerFilterConfig { get; init; }
}

/// <summary>Which requests a route takes (Envoy: <c>config.route.v3.RouteMatch</c>). Exactly one of the path specifiers is set; the query is
/// not part of what they see.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record RouteMatchConfig
{
    /// <summary>The path begins with this; it begins with a slash itself (Envoy: <c>prefix</c>).</summary>
    public string? Prefix { get; init; }

    /// <summary>The path is this (Envoy: <c>path</c>).</summary>
    public string? Path { get; init; }

    /// <summary>The whole path fits this expression (Envoy: <c>safe_regex</c>, there RE2). It runs on .NET's non-backtracking engine, in time
    /// linear in the path, and so without look-around and back-references.</summary>
    public string? SafeRegex { get; init; }

    /// <summary>The path is this or goes on below it with a slash; it begins with a slash and does not end with one
    /// (Envoy: <c>path_separated_prefix</c>).</summary>
    public string? PathSeparatedPrefix { get; init; }

    /// <summary>Only CONNECT requests (Envoy: <c>connect_matcher</c>).</summary>
    /// <value>False.</value>
    public bool ConnectMatcher { get; init; }

    /// <summary>Whether letter case counts for <see cref="Prefix"/>, <see cref="Path"/> and <see cref="PathSeparatedPrefix"/>
    /// (Envoy: <c>case_sensitive</c>).</summary>
    /// <value>True.</value>
    public bool CaseSensitive { get; init; } = true;
}

/// <summary>Forward to a cluster (Envoy: <c>config.route.v3.RouteAction</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record RouteActionConfig
{
    /// <summary>Envoy: <c>cluster</c>.</summary>
    public required string Cluster { get; init; }

    /// <summary>From the end of the request to the end of the response: 504. Zero means no limit (Envoy: <c>timeout</c>).</summary>
    /// <value>15 seconds.</value>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Instead of the connection manager's stream idle timeout; zero means no limit (Envoy: <c>idle_timeout</c>).</summary>
    /// <value>Null: the connection manager's.</value>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>How long a stream may live, and what <c>grpc-timeout</c> means (Envoy: <c>max_stream_duration</c>). If set, <see cref="Timeout"/> is not in
    /// force, as in Envoy.</summary>
    /// <value>Null: <see cref="Timeout"/>, and the connection manager's limit.</value>
    public RouteMaxStreamDurationConfig? MaxStreamDuration { get; init; }

    /// <summary>Replaces the part of the path that matched, the whole of it for a regex (Envoy: <c>prefix_rewrite</c>).</summary>
    /// <value>Empty: none.</value>
    public string PrefixRewrite { get; init; } = "";

    /// <summary>The host that upstream sees (Envoy: <c>host_rewrite_literal</c>).</summary>
    /// <value>Empty: the request's.</value>
    public string HostRewriteLiteral { get; init; } = "";

    /// <summary>Overrides the connection manager's (Envoy: <c>upgrade_configs</c>).</summary>
    public EquatableArray<UpgradeConfig> UpgradeConfigs { get; init; }
}

/// <summary>Answer here (Envoy: <c>config.route.v3.DirectResponseAction</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record DirectResponseActionConfig
{
    /// <summary>200 to 599 (Envoy: <c>status</c>).</summary>
    public required int Status { get; init; }

    /// <summary>Sent as UTF-8 (Envoy: <c>body.inline_string</c>).</summary>
    /// <value>Empty.</value>
    public string Body { get; init; } = "";
}
