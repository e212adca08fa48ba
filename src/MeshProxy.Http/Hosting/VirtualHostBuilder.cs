using MeshProxy.Http.Config;

namespace MeshProxy.Http.Hosting;

/// <summary>Builds a virtual host. Routes match in the order in which they were added.</summary>
public sealed class VirtualHostBuilder
{
    private readonly List<RouteConfig> _routes = [];

    internal VirtualHostBuilder()
    {
    }

    /// <summary>Adds a route as a config record.</summary>
    public VirtualHostBuilder Route(RouteConfig route)
    {
        ArgumentNullException.ThrowIfNull(route);
        _routes.Add(route);
        return this;
    }

    /// <summary>Routes paths that begin with <paramref name="prefix"/> to a cluster.</summary>
    /// <param name="prefix">Begins with a slash.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="timeout">How long the response may take; 15 seconds if null, without end if zero.</param>
    public VirtualHostBuilder Prefix(string prefix, string cluster, TimeSpan? timeout = null) =>
        Route(new RouteConfig { Match = new RouteMatchConfig { Prefix = prefix }, Route = ToCluster(cluster, timeout) });

    /// <summary>Routes one exact path to a cluster.</summary>
    /// <inheritdoc cref="Prefix"/>
    public VirtualHostBuilder Path(string path, string cluster, TimeSpan? timeout = null) =>
        Route(new RouteConfig { Match = new RouteMatchConfig { Path = path }, Route = ToCluster(cluster, timeout) });

    /// <summary>Routes paths that a regular expression matches as a whole to a cluster.</summary>
    /// <inheritdoc cref="Prefix"/>
    public VirtualHostBuilder Regex(string regex, string cluster, TimeSpan? timeout = null) =>
        Route(new RouteConfig { Match = new RouteMatchConfig { SafeRegex = regex }, Route = ToCluster(cluster, timeout) });

    /// <summary>Routes a gRPC service to a cluster, whose hosts must speak HTTP/2. Its streams live as long as the client's deadline (<c>grpc-timeout</c>) says.</summary>
    /// <param name="service">With its package, as in <c>acme.Orders</c>.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="maxTimeout">The longest deadline that counts; null: any. Calls without a deadline have the connection manager's limit.</param>
    public VirtualHostBuilder GrpcService(string service, string cluster, TimeSpan? maxTimeout = null) =>
        Route(new RouteConfig
        {
            Match = new RouteMatchConfig { Prefix = $"/{service}/" },
            Route = new RouteActionConfig
            {
                Cluster = cluster,
                MaxStreamDuration = new RouteMaxStreamDurationConfig { GrpcTimeoutHeaderMax = maxTimeout ?? TimeSpan.Zero },
            },
        });

    /// <summary>Answers paths that begin with <paramref name="prefix"/> from here.</summary>
    public VirtualHostBuilder DirectResponse(string prefix, int status, string body = "") =>
        Route(new RouteConfig
        {
            Match = new RouteMatchConfig { Prefix = prefix },
            DirectResponse = new DirectResponseActionConfig { Status = status, Body = body },
        });

    internal VirtualHostConfig Build(string name, string[] domains) => new() { Name = name, Domains = [.. domains], Routes = [.. _routes] };

    private static RouteActionConfig ToCluster(string cluster, TimeSpan? timeout) =>
        new() { Cluster = cluster, Timeout = timeout ?? TimeSpan.FromSeconds(15) };
}
