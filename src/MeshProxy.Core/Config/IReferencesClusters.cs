namespace MeshProxy.Core.Config;

/// <summary>An extension's config that names clusters: the validator refuses the names that no cluster has.</summary>
public interface IReferencesClusters
{
    /// <summary>The names that must exist, each with its path within this config.</summary>
    IEnumerable<ClusterReference> ReferencedClusters();
}

/// <param name="Path">For example <c>weighted_clusters.clusters[1].name</c>.</param>
/// <param name="Cluster">The cluster's name.</param>
public readonly record struct ClusterReference(string Path, string Cluster);
