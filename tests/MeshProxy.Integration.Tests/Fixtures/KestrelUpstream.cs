using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Kestrel as an upstream, without limits of its own.</summary>
internal sealed class KestrelUpstream : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _connections;

    private KestrelUpstream(RequestDelegate handler, HttpProtocols protocols, X509Certificate2? certificate)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MaxRequestHeadersTotalSize = 256 * 1024;
            kestrel.Limits.MaxRequestLineSize = 128 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 1000;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }

                listen.Use(next => context =>
                {
                    Interlocked.Increment(ref _connections);
                    return next(context);
                });
            });
        });
        _app = builder.Build();
        _app.UseWebSockets();
        _app.Run(handler);
    }

    public string Address { get; private set; } = "";

    /// <summary>How many connections have come.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <param name="handler">Answers the requests; null for what <see cref="Service"/> says.</param>
    /// <param name="protocols">HTTP/2 alone is spoken by prior knowledge without TLS.</param>
    /// <param name="certificate">For TLS.</param>
    public static async Task<KestrelUpstream> StartAsync(
        RequestDelegate? handler = null, HttpProtocols protocols = HttpProtocols.Http1, X509Certificate2? certificate = null)
    {
        var upstream = new KestrelUpstream(handler ?? Service, protocols, certificate);
        await upstream._app.StartAsync();
        upstream.Address = new Uri(upstream._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Authority;
        return upstream;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>
    /// /echo streams the request's body back while it comes, /whole when it has come; /bytes/N answers N bytes with a content-length, /chunked/N without one; /status/N a status without a
    /// body; everything else says what it was asked: method, target, then a line for each header.
    /// </summary>
    public static async Task Service(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var path = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var number = path.Length > 1 && int.TryParse(path[1], CultureInfo.InvariantCulture, out var n) ? n : 0;
        switch (path.FirstOrDefault())
        {
            case "echo":
                response.ContentType = request.ContentType ?? "application/octet-stream";
                response.ContentLength = request.ContentLength;
                await request.Body.CopyToAsync(response.Body);
                break;
            case "whole":
                var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                response.ContentLength = body.Length;
                body.Position = 0;
                await body.CopyToAsync(response.Body);
                break;
            case "status":
                response.StatusCode = number;
                response.Headers.ETag = "\"a\"";
                break;
            case "bytes":
                response.ContentLength = number;
                await Payload.WriteAsync(response.Body, number);
                break;
            case "chunked":
                await Payload.WriteAsync(response.Body, number);
                break;
            default:
                await request.Body.CopyToAsync(Stream.Null);
                response.ContentType = "text/plain";
                await response.WriteAsync($"{request.Method} {request.Path}{request.QueryString}\n");
                foreach (var (name, values) in request.Headers)
                {
                    foreach (var value in values)
                    {
                        await response.WriteAsync($"{name}: {value}\n");
                    }
                }

                break;
        }
    }
}
