using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters;

/// <summary>One configured network filter: made on the control side when the configuration is applied, shared by all workers.</summary>
public interface INetworkFilterFactory : IDisposable
{
    /// <summary>Whether the filter owns the connection's bytes and so must stand last.</summary>
    bool IsTerminal { get; }

    /// <summary>Makes the instance for one connection, on the worker that owns the connection.</summary>
    INetworkFilterBase Create(EventLoop worker);
}
