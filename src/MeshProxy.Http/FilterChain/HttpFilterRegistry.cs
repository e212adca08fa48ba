using MeshProxy.Core.Config;
using MeshProxy.Core.Event;

namespace MeshProxy.Http.FilterChain;

/// <summary>The HTTP filters that a server knows, by name.</summary>
internal sealed class HttpFilterRegistry() : ExtensionRegistry<HttpFilterFactoryContext, IHttpFilterFactory>(ExtensionCategory.HttpFilter);

/// <summary>A user's filter, made by a delegate for each stream.</summary>
internal sealed class DelegateHttpFilterFactory(Func<IStreamFilterBase> create) : IHttpFilterFactory
{
    public IStreamFilterBase Create(EventLoop worker) => create();
}
