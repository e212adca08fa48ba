using System.CommandLine;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
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
        var tlsCert = new Option<FileInfo>("--tls-cert") { Description = "PEM file with the certificate chain: serves TLS, with h2 and http/1.1 offered in http mode" }.AcceptExistingOnly();
        var tlsKey = new Option<FileInfo>("--tls-key") { Description = "PEM file with the private key of --tls-cert" }.AcceptExistingOnly();
        var clientCa = new Option<FileInfo>("--client-ca") { Description = "PEM file: clients must show a certificate that one of these has signed" }.AcceptExistingOnly();
        var noResumption = new Option<bool>("--no-tls-resumption") { Description = "Makes every TLS handshake a full one, for benchmarks" };
        var upstreamTls = new Option<bool>("--upstream-tls") { Description = "Speaks TLS with the upstream and verifies its certificate" };
        var upstreamCa = new Option<FileInfo>("--upstream-ca") { Description = "PEM file to verify the upstream with (default: the system's certificates)" }.AcceptExistingOnly();
        var upstreamHttp2 = new Option<bool>("--upstream-http2") { Description = "http mode: speaks HTTP/2 with the upstream" };
        var tlsImplementation = new Option<TlsImplementation>("--tls-implementation")
        {
            Description = "What does TLS: openssl, sslstream, or auto for OpenSSL where it is there",
            DefaultValueFactory = _ => TlsImplementation.Auto,
        };
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
            tlsCert, tlsKey, clientCa, noResumption, upstreamTls, upstreamCa, upstreamHttp2, tlsImplementation,
        };
        root.Validators.Add(result =>
        {
            if ((result.GetValue(listen) is null) != (result.GetValue(upstream) is null))
            {
                result.AddError("--listen and --upstream go together; give both, or neither for the demo");
            }

            if (result.GetValue(listen) is null)
            {
                var quick = new Option[] { mode, routes, healthPath, tlsCert, tlsKey, clientCa, noResumption, upstreamTls, upstreamCa, upstreamHttp2 }
                    .Where(option => result.GetResult(option) is { Implicit: false }).Select(option => option.Name).ToArray();
                if (quick.Length > 0)
                {
                    result.AddError($"{string.Join(", ", quick)} need --listen and --upstream; the demo has none of it");
                }
            }

            var cert = result.GetValue(tlsCert);
            if ((cert is null) != (result.GetValue(tlsKey) is null))
            {
                result.AddError("--tls-cert and --tls-key go together");
            }

            if (cert is null && (result.GetValue(clientCa) is not null || result.GetValue(noResumption)))
            {
                result.AddError("--client-ca and --no-tls-resumption need --tls-cert");
            }

            if (!result.GetValue(upstreamTls) && result.GetValue(upstreamCa) is not null)
            {
                result.AddError("--upstream-ca needs --upstream-tls");
            }

            if (result.GetValue(upstreamHttp2) && result.GetValue(mode) == "tcp")
            {
                result.AddError("--upstream-http2 needs --mode http");
            }

            CheckAddresses(result, listen);
            CheckAddresses(result, upstream);
        });
        root.SetAction((parsed, cancellation) =>
        {
            var settings = new GatewaySettings(
                parsed.GetValue(concurrency), parsed.GetValue(eventLoop), TimeSpan.FromSeconds(parsed.GetValue(drainTime)), parsed.GetValue(tlsImplementation));
            if (parsed.GetValue(listen) is not { } address)
            {
                return Demo.RunAsync(settings, cancellation);
            }

            var quick = new QuickSettings(address, parsed.GetValue(upstream)!)
            {
                Tcp = parsed.GetValue(mode) == "tcp",
                Routes = parsed.GetValue(routes),
                HealthPath = parsed.GetValue(healthPath),
                Tls = parsed.GetValue(tlsCert) is { } cert
                    ? new QuickTls(cert.FullName, parsed.GetValue(tlsKey)!.FullName, parsed.GetValue(clientCa)?.FullName, !parsed.GetValue(noResumption))
                    : null,
                UpstreamTls = parsed.GetValue(upstreamTls) ? new QuickUpstreamTls(parsed.GetValue(upstreamCa)?.FullName) : null,
                UpstreamHttp2 = parsed.GetValue(upstreamHttp2),
            };
            return QuickProxy.RunAsync(settings, quick, cancellation);
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
internal sealed record GatewaySettings(int Concurrency, EventLoopKind EventLoop, TimeSpan DrainTime, TlsImplementation TlsImplementation);
