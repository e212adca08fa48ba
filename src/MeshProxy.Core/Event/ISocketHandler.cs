namespace MeshProxy.Core.Event;

/// <summary>Gets the readiness of a socket that it registered.</summary>
internal interface ISocketHandler
{
    void OnReady(Readiness readiness);

    /// <summary><see cref="OnReady"/> has thrown, and the loop has counted and logged it: close what the handler stands for.</summary>
    void OnFault(Exception exception)
    {
    }
}
