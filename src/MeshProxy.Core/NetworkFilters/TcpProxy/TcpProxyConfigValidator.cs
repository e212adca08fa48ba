using MeshProxy.Core.Config;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>Checks a <see cref="TcpProxyConfig"/>.</summary>
internal sealed class TcpProxyConfigValidator : IConfigValidator<TcpProxyConfig>
{
    public void Validate(TcpProxyConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.StatPrefix, "stat_prefix");
        errors.Require(config.IdleTimeout >= TimeSpan.Zero, "idle_timeout", "must not be negative; 0 means no limit");
        errors.RequireRange(config.MaxConnectAttempts, 1, int.MaxValue, "max_connect_attempts");
        errors.Require(
            config.MaxDownstreamConnectionDuration is null || config.MaxDownstreamConnectionDuration >= TimeSpan.FromMilliseconds(1),
            "max_downstream_connection_duration",
            "must be at least 1 ms");
        var hasCluster = !string.IsNullOrEmpty(config.Cluster);
        errors.Require(hasCluster || config.WeightedClusters.Count > 0, "cluster", "set cluster or weighted_clusters");
        errors.Require(!hasCluster || config.WeightedClusters.Count == 0, "weighted_clusters", "set cluster or weighted_clusters, not both");
        ValidateWeights(config.WeightedClusters, errors.Field("weighted_clusters"));
    }

    private static void ValidateWeights(EquatableArray<TcpClusterWeightConfig> clusters, ConfigErrors errors)
    {
        long sum = 0;
        for (var i = 0; i < clusters.Count; i++)
        {
            var at = errors.Field("clusters", i);
            at.RequireText(clusters[i].Name, "name");
            at.RequireRange(clusters[i].Weight, 1, uint.MaxValue, "weight");
            sum += clusters[i].Weight;
        }

        errors.Require(sum <= uint.MaxValue, "clusters", $"the sum of the weights must be at most {uint.MaxValue}, is {sum}");
    }
}
