using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Checks a route table.</summary>
internal sealed class RouteConfigurationValidator(ExtensionValidator extensions) : IConfigValidator<RouteConfiguration>
{
    public void Validate(RouteConfiguration config, ConfigErrors errors)
    {
        errors.RequireAtLeast(config.MaxDirectResponseBodySizeBytes, 0, "max_direct_response_body_size_bytes");
        extensions.ValidatePerFilterConfig(config.TypedPerFilterConfig, errors);
        var routes = new RouteConfigValidator(extensions, config.MaxDirectResponseBodySizeBytes);
        var names = new Dictionary<string, int>();
        for (var v = 0; v < config.VirtualHosts.Count; v++)
        {
            var virtualHost = config.VirtualHosts[v];
            var at = errors.Field("virtual_hosts", v);
            if (at.RequireText(virtualHost.Name, "name") && !names.TryAdd(virtualHost.Name, v))
            {
                at.Add("name", $"'{virtualHost.Name}' is the name of virtual_hosts[{names[virtualHost.Name]}] too; names are unique within a route table");
            }

            extensions.ValidatePerFilterConfig(virtualHost.TypedPerFilterConfig, at);
            for (var r = 0; r < virtualHost.Routes.Count; r++)
            {
                routes.Validate(virtualHost.Routes[r], at.Field("routes", r));
            }
        }

        ValidateDomains(config.VirtualHosts, errors);
    }

    private static void ValidateDomains(EquatableArray<VirtualHostConfig> virtualHosts, ConfigErrors errors)
    {
        var owners = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var v = 0; v < virtualHosts.Count; v++)
        {
            var domains = virtualHosts[v].Domains;
            var at = errors.Field("virtual_hosts", v);
            at.Require(domains.Count > 0, "domains", "must have one domain at least; * stands for every host");
            for (var d = 0; d < domains.Count; d++)
            {
                var domainAt = at.Field("domains", d);
                if (!ValidateDomain(domains[d], domainAt))
                {
                    continue;
                }

                if (!owners.TryAdd(domains[d], domainAt.Path))
                {
                    domainAt.Add($"'{domains[d]}' stands at {owners[domains[d]]} too; each domain belongs to one virtual host (letter case does not count)");
                }
            }
        }
    }

    private static bool ValidateDomain(string domain, ConfigErrors errors)
    {
        if (!errors.RequireText(domain, ""))
        {
            return false;
        }

        var stars = domain.Count(c => c == '*');
        var starAtOneEnd = stars == 1 && (domain[0] == '*' || domain[^1] == '*');
        return errors.Require(
                stars == 0 || starAtOneEnd, "", $"'{domain}' has a star in a wrong place; write *.foo.com or *-bar.foo.com, foo.* or foo-*, or * alone")
            && errors.Require(
                !domain.Any(c => c <= ' ' || c == '\x7f' || c is '/' or '?' or '#' or '@'), "", $"'{domain}' is not a host; write foo.com or foo.com:8080, without scheme and path");
    }
}
