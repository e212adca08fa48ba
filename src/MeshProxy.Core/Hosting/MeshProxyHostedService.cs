using MeshProxy.Core.Server;
using Microsoft.Extensions.Hosting;

namespace MeshProxy.Core.Hosting;

/// <summary>Starts a server with the host; the host's stop drains it, for as long as the host's token lets it.</summary>
internal sealed class MeshProxyHostedService(MeshProxyServer server) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => server.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);
}
