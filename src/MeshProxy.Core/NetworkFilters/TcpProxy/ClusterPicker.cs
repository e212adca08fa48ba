using MeshProxy.Core.Config;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>Chooses a connection's cluster by weight. One for each worker.</summary>
internal sealed class ClusterPicker
{
    private readonly string[] _names;
    private readonly long[] _ends;
    private readonly Random _random;

    public ClusterPicker(TcpProxyConfig config, Random random)
    {
        _random = random;
        if (!string.IsNullOrEmpty(config.Cluster))
        {
            _names = [config.Cluster];
            _ends = [1];
            return;
        }

        _names = [.. config.WeightedClusters.Select(c => c.Name)];
        _ends = new long[_names.Length];
        long sum = 0;
        for (var i = 0; i < _ends.Length; i++)
        {
            sum += config.WeightedClusters[i].Weight;
            _ends[i] = sum;
        }
    }

    public string Pick()
    {
        if (_names.Length == 1)
        {
            return _names[0];
        }

        var point = _random.NextInt64(_ends[^1]);
        var i = 0;
        while (point >= _ends[i])
        {
            i++;
        }

        return _names[i];
    }
}
