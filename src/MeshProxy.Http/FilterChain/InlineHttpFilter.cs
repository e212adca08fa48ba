namespace MeshProxy.Http.FilterChain;

/// <summary>The config of a filter that stands in the builder as a delegate: the delegate itself. Two are equal if it is the same one.</summary>
internal sealed record InlineHttpFilter(Func<HttpFilterFactoryContext, HttpFilter> Create)
{
    public const string FilterName = "meshproxy.filters.http.inline";
}
