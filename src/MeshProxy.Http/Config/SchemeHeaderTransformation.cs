namespace MeshProxy.Http.Config;

/// <summary>What <c>:scheme</c> upstreams see (Envoy: <c>config.core.v3.SchemeHeaderTransformation</c>).</summary>
/// <remarks>Immutable, compared by value. Without it they see the scheme that the client used, whatever the cluster's transport; some HTTP/2
/// servers, Kestrel among them, refuse a request whose scheme is not that of the connection.</remarks>
public sealed record SchemeHeaderTransformation
{
    /// <summary>Always this: http or https (Envoy: <c>scheme_to_overwrite</c>).</summary>
    /// <value>Empty: not changed.</value>
    public string SchemeToOverwrite { get; init; } = "";

    /// <summary>Whether it becomes that of the upstream connection: https over TLS, else http (Envoy: <c>match_upstream</c>).</summary>
    /// <value>False.</value>
    public bool MatchUpstream { get; init; }
}
