using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>One value, or none, of each criterion of a <see cref="FilterChainMatchConfig"/>. A match stands for every combination of its
/// lists' items; a combination that two chains share would be ambiguous.</summary>
/// <param name="DestinationPort">0: any.</param>
/// <param name="Destination">Null: any.</param>
/// <param name="ServerName">Lower case; <c>*.example.com</c> for the names under it; empty: any.</param>
/// <param name="TransportProtocol">Empty: any.</param>
/// <param name="ApplicationProtocol">Empty: any.</param>
/// <param name="DirectSource">Null: any.</param>
/// <param name="SourceType">Any source by default.</param>
/// <param name="Source">Null: any.</param>
/// <param name="SourcePort">0: any.</param>
internal readonly record struct FilterChainMatchKey(
    int DestinationPort,
    CidrRange? Destination,
    string ServerName,
    string TransportProtocol,
    string ApplicationProtocol,
    CidrRange? DirectSource,
    ConnectionSourceType SourceType,
    CidrRange? Source,
    int SourcePort)
{
    /// <summary>How many combinations one match may stand for: the lists multiply.</summary>
    public const int MaxPerMatch = 100_000;

    public const string WildcardStart = "*.";

    public static double CountOf(FilterChainMatchConfig match) => (double)Math.Max(1, match.PrefixRanges.Count) * Math.Max(1, match.ServerNames.Count)
        * Math.Max(1, match.ApplicationProtocols.Count) * Math.Max(1, match.DirectSourcePrefixRanges.Count)
        * Math.Max(1, match.SourcePrefixRanges.Count) * Math.Max(1, match.SourcePorts.Count);

    public static IEnumerable<FilterChainMatchKey> Expand(FilterChainMatchConfig match) =>
        from destination in OrAny<CidrRange?>(match.PrefixRanges, null)
        from serverName in OrAny(match.ServerNames, "")
        from applicationProtocol in OrAny(match.ApplicationProtocols, "")
        from directSource in OrAny<CidrRange?>(match.DirectSourcePrefixRanges, null)
        from source in OrAny<CidrRange?>(match.SourcePrefixRanges, null)
        from sourcePort in OrAny(match.SourcePorts, 0)
        select new FilterChainMatchKey(
            match.DestinationPort ?? 0,
            destination,
            serverName.ToLowerInvariant(),
            match.TransportProtocol,
            applicationProtocol,
            directSource,
            match.SourceType,
            source,
            sourcePort);

    /// <summary>The criteria that are set, in Envoy's names.</summary>
    public override string ToString()
    {
        var parts = new List<string>();
        Add("destination_port", DestinationPort == 0 ? null : DestinationPort);
        Add("prefix_ranges", Destination);
        Add("server_names", ServerName);
        Add("transport_protocol", TransportProtocol);
        Add("application_protocols", ApplicationProtocol);
        Add("direct_source_prefix_ranges", DirectSource);
        Add("source_type", SourceType == ConnectionSourceType.Any ? null : SourceType);
        Add("source_prefix_ranges", Source);
        Add("source_ports", SourcePort == 0 ? null : SourcePort);
        return parts.Count == 0 ? "no criteria" : string.Join(", ", parts);

        void Add(string name, object? value)
        {
            if (value is not (null or ""))
            {
                parts.Add($"{name} {value}");
            }
        }
    }

    private static IEnumerable<TItem> OrAny<TItem>(IReadOnlyCollection<TItem> items, TItem any) => items.Count == 0 ? [any] : items;
}
