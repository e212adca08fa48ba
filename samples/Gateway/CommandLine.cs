using System.CommandLine;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Gateway;

/// <summary>The gateway's options. Without --listen and --upstream it runs the embedded demo.</summary>
internal static class CommandLine
{
    public static RootCommand Create()
    {
        var listen = new Option<string?>("--listen") { Description = "Address to listen on: 127.0.0.1:8080, [::1]:8080, unix:/path" };
        var upstream = new Option<string?>("--upstream") { Description = "Upstream hosts, separated by commas: 127.0.0.1:9000,127.0.0.1:9001" };
        var mode = new Option<string>("--mode") { Description = "http: full HTTP connection manager; tcp: byte for byte", DefaultValueFactory = _ => "http" };
        mode.AcceptOnlyFromAmong("http", "tcp");
        var concurrency = new Option<int>("--concurrency") { Description = "Worker threads", DefaultValueFactory = _ => Environment.ProcessorCount };
        var eventLoop = new Option<EventLoopKind>("--event-loop") { Description = "What the workers wait with", DefaultValueFactory = _ => EventLoopKind.Auto };
        var drainTime = new Option<int>("--drain-time-s") { Description = "How long connections may go on after Ctrl-C, in seconds", DefaultValueFactory = _ => 10 };
        var routes = new Option<int>("--routes") { Description = "http mode: adds this many routes /service-N/ in front of the default one, for benchmarks" };
        var healthPath = new Option<string?>("--health-path") { Description = "http mode: answers this path with 200 from here, for probes" };
        healthPath.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !result.Tokens[0].Value.StartsWith('/'))
            {
                result.AddError("--health-path must begin with /");
            }
        });
        concurrency.Validators.Add(result => Range(result, concurrency, 1, 1024));
        drainTime.Validators.Add(result => Range(result, drainTime, 0, 86_400));
        routes.Validators.Add(result => Range(result, routes, 0, 100_000));

        var root = new RootCommand("MeshProxy gateway: an Envoy-shaped proxy. Without --listen and --upstream it runs a demo on 127.0.0.1:10000.")
        {
            listen, upstream, mode, concurrency, eventLoop, drainTime, routes, healthPath,
        };
        root.Validators.Add(result =>
        {
            if ((result.GetValue(listen) is null) != (result.GetValue(upstream) is null))
            {
                result.AddError("--listen and --upstream go together; give both, or neither for the demo");
            }

            CheckAddresses(result, listen);
            CheckAddresses(result, upstream);
        });
        root.SetAction((parsed, cancellation) =>
        {
            var settings = new GatewaySettings(
                parsed.GetValue(concurrency), parsed.GetValue(eventLoop), TimeSpan.FromSeconds(parsed.GetValue(drainTime)));
            return parsed.GetValue(listen) is { } address
                ? QuickProxy.RunAsync(
                    settings,
                    new QuickSettings(address, parsed.GetValue(upstream)!, parsed.GetValue(mode) == "tcp", parsed.GetValue(routes), parsed.GetValue(healthPath)),
                    cancellation)
                : Demo.RunAsync(settings, cancellation);
        });
        return root;
    }

    private static void CheckAddresses(System.CommandLine.Parsing.CommandResult result, Option<string?> option)
    {
        foreach (var address in (result.GetValue(option) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                NetworkAddress.Parse(address);
            }
            catch (FormatException exception)
            {
                result.AddError($"{option.Name}: {exception.Message}");
            }
        }
    }

    private static void Range(System.CommandLine.Parsing.OptionResult result, Option<int> option, int min, int max)
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && (value < min || value > max))
        {
            result.AddError($"{option.Name} must be from {min} to {max}, is {value}");
        }
    }
}

/// <summary>What every mode needs to know.</summary>
internal sealed record GatewaySettings(int Concurrency, EventLoopKind EventLoop, TimeSpan DrainTime);
