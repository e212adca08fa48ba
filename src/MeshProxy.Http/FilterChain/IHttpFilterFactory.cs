using MeshProxy.Core.Event;

namespace MeshProxy.Http.FilterChain;

/// <summary>One configured HTTP filter: made on the control side, shared by all workers.</summary>
public interface IHttpFilterFactory
{
    /// <summary>Makes the instance for one stream, on the stream's worker.</summary>
    IStreamFilterBase Create(EventLoop worker);
}
