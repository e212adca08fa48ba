using System.Text;
using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Checks one route.</summary>
internal sealed class RouteConfigValidator(ExtensionValidator extensions, int maxDirectResponseBodySizeBytes) : IConfigValidator<RouteConfig>
{
    public void Validate(RouteConfig config, ConfigErrors errors)
    {
        if (errors.Require(config.Match is not null, "match", "is required"))
        {
            ValidateMatch(config.Match!, errors.Field("match"));
        }

        errors.Require(config.Route is null != config.DirectResponse is null, "", "set exactly one of route and direct_response");
        if (config.Route is { } route)
        {
            ValidateRoute(route, errors.Field("route"));
        }

        if (config.DirectResponse is { } directResponse)
        {
            var at = errors.Field("direct_response");
            at.RequireRange(directResponse.Status, 200, 599, "status");
            var bytes = Encoding.UTF8.GetByteCount(directResponse.Body);
            at.Require(
                bytes <= maxDirectResponseBodySizeBytes,
                "body",
                $"has {bytes} bytes; max_direct_response_body_size_bytes allows {maxDirectResponseBodySizeBytes}");
        }

        extensions.ValidatePerFilterConfig(config.TypedPerFilterConfig, errors);
    }

    /// <summary>Checks upgrade lists, also the connection manager's.</summary>
    public static void ValidateUpgrades(EquatableArray<UpgradeConfig> upgrades, ConfigErrors errors)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < upgrades.Count; i++)
        {
            var at = errors.Field("upgrade_configs", i);
            var type = upgrades[i].UpgradeType;
            if (at.RequireText(type, "upgrade_type")
                && at.Require(type.All(IsTokenOrSlash), "upgrade_type", $"'{type}' is not a protocol name; write websocket or CONNECT"))
            {
                at.Require(seen.Add(type), "upgrade_type", $"'{type}' is given twice (letter case does not count)");
            }

            at.Require(
                upgrades[i].ConnectConfig is null || string.Equals(type, "CONNECT", StringComparison.OrdinalIgnoreCase),
                "connect_config",
                $"is for the upgrade_type CONNECT, not for '{type}'");
        }

        // RFC 9110 section 7.8: protocol-name ["/" protocol-version], both tokens.
        static bool IsTokenOrSlash(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~/".Contains(c, StringComparison.Ordinal);
    }

    private static void ValidateMatch(RouteMatchConfig match, ConfigErrors errors)
    {
        var specifiers = (match.Prefix is null ? 0 : 1) + (match.Path is null ? 0 : 1) + (match.SafeRegex is null ? 0 : 1)
            + (match.PathSeparatedPrefix is null ? 0 : 1) + (match.ConnectMatcher ? 1 : 0);
        errors.Require(specifiers == 1, "", "set exactly one of prefix, path, safe_regex, path_separated_prefix and connect_matcher");
        RequirePath(match.Prefix, "prefix");

        // OPTIONS * has that as its path.
        if (match.Path != "*")
        {
            RequirePath(match.Path, "path");
        }

        if (RequirePath(match.PathSeparatedPrefix, "path_separated_prefix"))
        {
            errors.Require(
                match.PathSeparatedPrefix is null || !match.PathSeparatedPrefix.EndsWith('/'), "path_separated_prefix", "must not end with a slash: /api fits /api and /api/x");
        }

        if (match.SafeRegex is { } pattern && errors.RequireText(pattern, "safe_regex") && !RouteRegex.TryCreate(pattern, out _, out var error))
        {
            errors.Add("safe_regex", $"is not an expression that runs without backtracking: {error}");
        }

        bool RequirePath(string? path, string field) => errors.Require(
            path is null || (path.StartsWith('/') && !path.AsSpan().ContainsAny('?', '#')),
            field,
            "must begin with a slash and hold neither ? nor #: the query is not part of what is compared");
    }

    private static void ValidateRoute(RouteActionConfig route, ConfigErrors errors)
    {
        errors.RequireText(route.Cluster, "cluster");
        errors.RequireDuration(route.Timeout, "timeout");
        errors.RequireDuration(route.IdleTimeout, "idle_timeout");
        var duration = errors.Field("max_stream_duration");
        duration.RequireDuration(route.MaxStreamDuration?.MaxStreamDuration, "max_stream_duration");
        duration.RequireDuration(route.MaxStreamDuration?.GrpcTimeoutHeaderMax, "grpc_timeout_header_max");
        duration.RequireDuration(route.MaxStreamDuration?.GrpcTimeoutHeaderOffset, "grpc_timeout_header_offset");
        errors.RequireHeaderValue(route.PrefixRewrite, "prefix_rewrite");
        errors.Require(!route.PrefixRewrite.AsSpan().ContainsAny(' ', '\t'), "prefix_rewrite", "must not hold a space; write %20");
        errors.RequireHeaderValue(route.HostRewriteLiteral, "host_rewrite_literal");
        ValidateUpgrades(route.UpgradeConfigs, errors);
    }
}
