using System.Runtime.InteropServices;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Server;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Gateway;

/// <summary>Runs a proxy until Ctrl-C or SIGTERM, then drains it.</summary>
internal static class GatewayHost
{
    public static ILoggerFactory CreateLoggerFactory() => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(LogLevel.Warning)
        .AddSimpleConsole(console => console.SingleLine = true));

    public static MeshProxyBuilder CreateBuilder(GatewaySettings settings) => new MeshProxyBuilder().Configure(options =>
    {
        options.Concurrency = settings.Concurrency;
        options.EventLoop = settings.EventLoop;
        options.DrainTime = settings.DrainTime;
        options.TlsImplementation = settings.TlsImplementation;
    });

    /// <summary>Returns the exit code: 0 after a clean stop, 1 if the proxy could not start.</summary>
    public static async Task<int> RunAsync(Func<MeshProxyServer> create, Action<MeshProxyServer> started, CancellationToken cancellation)
    {
        MeshProxyServer server;
        try
        {
            server = create();
            await server.StartAsync(cancellation);
        }
        catch (Exception exception) when (exception is ConfigException or ListenException)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }

        using var signals = ProcessDiagnostics.Register();
        started(server);
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using var cancelled = cancellation.Register(() => stop.TrySetResult());
        await stop.Task;
        await Console.Out.WriteLineAsync("draining ...");
        await server.StopAsync(CancellationToken.None);
        await Console.Out.WriteLineAsync("stopped");
        return 0;
    }

    private static void Stop(PosixSignalContext context, TaskCompletionSource stop)
    {
        // A second signal ends the process at once.
        context.Cancel = stop.TrySetResult();
    }
}
