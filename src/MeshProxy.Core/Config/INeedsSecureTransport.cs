namespace MeshProxy.Core.Config;

/// <summary>Protocol options of a cluster that count on TLS below them; the cluster's validator asks.</summary>
public interface INeedsSecureTransport
{
    /// <summary>Whether a cluster of plain bytes cannot have these options.</summary>
    bool NeedsSecureTransport { get; }
}
