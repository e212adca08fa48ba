namespace MeshProxy.Core.Listeners;

/// <summary>A listener as one worker serves it. Its sockets and connections point here, so an update is one assignment.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class WorkerListener(ConnectionHandler handler, Listener current)
{
    public ConnectionHandler Handler { get; } = handler;

    /// <summary>The version that new connections get.</summary>
    public Listener Current { get; set; } = current;

    /// <summary>Connections whose chain is not chosen yet are then closed.</summary>
    public bool IsRemoved { get; set; }
}
