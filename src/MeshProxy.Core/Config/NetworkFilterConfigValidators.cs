namespace MeshProxy.Core.Config;

internal sealed class TcpProxyConfigValidator : IConfigValidator<TcpProxyConfig>
{
    public void Validate(TcpProxyConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.StatPrefix, "stat_prefix");
        errors.Require(
            config.Cluster is null == config.WeightedClusters.Count > 0, "", "set exactly one of cluster and weighted_clusters");
        errors.Require(config.Cluster is not "", "cluster", "must not be empty");
        for (var i = 0; i < config.WeightedClusters.Count; i++)
        {
            var at = errors.Field("weighted_clusters").Field("clusters", i);
            at.RequireText(config.WeightedClusters[i].Name, "name");
            at.RequireAtLeast(config.WeightedClusters[i].Weight, 1, "weight");
        }

        errors.Require(
            config.WeightedClusters.Sum(cluster => (long)cluster.Weight) <= uint.MaxValue, "weighted_clusters", $"the weights add up to more than {uint.MaxValue}");
        errors.RequireDuration(config.IdleTimeout, "idle_timeout");
        errors.RequireAtLeast(config.MaxConnectAttempts, 1, "max_connect_attempts");
        errors.RequirePositiveDuration(config.MaxDownstreamConnectionDuration, "max_downstream_connection_duration");
        CommonConfigValidation.ValidateAccessLogs(config.AccessLog, errors);
    }
}

internal sealed class ConnectionLimitConfigValidator : IConfigValidator<ConnectionLimitConfig>
{
    public void Validate(ConnectionLimitConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.StatPrefix, "stat_prefix");
        errors.RequireAtLeast(config.MaxConnections, 1, "max_connections");
        errors.RequireDuration(config.Delay, "delay");
    }
}

internal sealed class LocalRateLimitConfigValidator : IConfigValidator<LocalRateLimitConfig>
{
    private static readonly TimeSpan MinFillInterval = TimeSpan.FromMilliseconds(50);

    public void Validate(LocalRateLimitConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.StatPrefix, "stat_prefix");
        if (config.TokenBucket is null)
        {
            errors.Add("token_bucket", "is required");
            return;
        }

        var at = errors.Field("token_bucket");
        at.RequireAtLeast(config.TokenBucket.MaxTokens, 1, "max_tokens");
        at.RequireAtLeast(config.TokenBucket.TokensPerFill, 1, "tokens_per_fill");
        at.Require(config.TokenBucket.FillInterval >= MinFillInterval, "fill_interval", "must be at least 50 ms");
    }
}
