namespace MeshProxy.Core.Config;

/// <summary>Checks the matches of a listener's filter chains, each alone and all against each other.</summary>
internal static class FilterChainMatchValidator
{
    /// <param name="chains">A listener's <c>filter_chains</c>.</param>
    /// <param name="errors">At the listener's path.</param>
    public static void Validate(EquatableArray<FilterChainConfig> chains, ConfigErrors errors)
    {
        var sound = true;
        for (var i = 0; i < chains.Count; i++)
        {
            var before = errors.Count;
            ValidateAlone(chains[i].FilterChainMatch, errors.Field("filter_chains", i).Field("filter_chain_match"));
            sound &= errors.Count == before;
        }

        if (sound)
        {
            ValidateAgainstEachOther(chains, errors);
        }
    }

    private static void ValidateAlone(FilterChainMatchConfig match, ConfigErrors errors)
    {
        errors.RequireRange(match.DestinationPort, 1, 65535, "destination_port");
        errors.Require(
            Enum.IsDefined(match.SourceType), "source_type", $"must be Any, SameIpOrLoopback or External, is {match.SourceType}");
        for (var i = 0; i < match.ServerNames.Count; i++)
        {
            ValidateServerName(match.ServerNames[i], errors.Field("server_names", i));
        }

        for (var i = 0; i < match.ApplicationProtocols.Count; i++)
        {
            errors.Field("application_protocols", i).RequireText(match.ApplicationProtocols[i], "");
        }

        for (var i = 0; i < match.SourcePorts.Count; i++)
        {
            errors.Field("source_ports", i).RequireRange(match.SourcePorts[i], 1, 65535, "");
        }

        RequireDistinct(match.PrefixRanges, "prefix_ranges");
        RequireDistinct([.. match.ServerNames.Select(name => name.ToLowerInvariant())], "server_names");
        RequireDistinct(match.ApplicationProtocols, "application_protocols");
        RequireDistinct(match.DirectSourcePrefixRanges, "direct_source_prefix_ranges");
        RequireDistinct(match.SourcePrefixRanges, "source_prefix_ranges");
        RequireDistinct(match.SourcePorts, "source_ports");
        errors.Require(
            FilterChainMatchKey.CountOf(match) <= FilterChainMatchKey.MaxPerMatch,
            "",
            $"its lists make {FilterChainMatchKey.CountOf(match):N0} combinations; at most {FilterChainMatchKey.MaxPerMatch:N0} are allowed");

        void RequireDistinct<TItem>(EquatableArray<TItem> items, string field)
        {
            var seen = new HashSet<TItem>();
            for (var i = 0; i < items.Count; i++)
            {
                errors.Require(seen.Add(items[i]), $"{field}[{i}]", $"'{items[i]}' is given twice");
            }
        }
    }

    private static void ValidateServerName(string name, ConfigErrors errors)
    {
        if (!errors.RequireText(name, ""))
        {
            return;
        }

        var wildcard = name.StartsWith(FilterChainMatchKey.WildcardStart, StringComparison.Ordinal);
        var rest = wildcard ? name[FilterChainMatchKey.WildcardStart.Length..] : name;
        if (rest.Contains('*', StringComparison.Ordinal))
        {
            errors.Add($"'{name}' has a star in part of a label; a wildcard is a whole first label: *.example.com. For every name leave server_names empty");
        }
        else
        {
            errors.Require(rest.Length > 0, "", $"'{name}' names nothing after the star; write *.example.com");
        }
    }

    private static void ValidateAgainstEachOther(EquatableArray<FilterChainConfig> chains, ConfigErrors errors)
    {
        var owners = new Dictionary<FilterChainMatchKey, int>();
        for (var i = 0; i < chains.Count; i++)
        {
            foreach (var key in FilterChainMatchKey.Expand(chains[i].FilterChainMatch))
            {
                if (!owners.TryAdd(key, i))
                {
                    var other = owners[key];
                    var what = chains[i].FilterChainMatch == chains[other].FilterChainMatch
                        ? "the same matching rules as"
                        : "matching rules that overlap with those of";
                    errors.Field("filter_chains", i).Add(
                        "filter_chain_match",
                        $"filter chain {Describe(chains, i)} has {what} filter chain {Describe(chains, other)} ({key}); make them differ in one criterion");
                    break;
                }
            }
        }
    }

    private static string Describe(EquatableArray<FilterChainConfig> chains, int index) =>
        chains[index].Name.Length == 0 ? $"filter_chains[{index}]" : $"'{chains[index].Name}' (filter_chains[{index}])";
}
