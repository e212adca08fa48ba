using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Hosting;
using MeshProxy.Integration.Tests.Http;
using MeshProxy.TestSupport;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>What a request costs the worker's heap, measured on its thread by a filter.</summary>
[Collection(nameof(LargeStreamTests))]
public sealed class Http2AllocationTests
{
    private const int Requests = 2000;

    // A debug build makes a class of each async method's state.
    private static bool IsOptimized => typeof(HttpFilter).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_InSteadyState_AllocateNothing(bool http2)
    {
        Skip.IfNot(IsOptimized, "only a release build allocates nothing");
        await using var upstream = await KestrelUpstream.StartAsync(protocols: http2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            http: http => http.Filter(_ => new HeapFilter()).RouteAllTo(Proxy.Service),
            cluster: c =>
            {
                if (http2)
                {
                    c.Http2();
                }
            },
            concurrency: 1);
        using var client = await proxy.ConnectAsync();
        await ExchangeAsync(client);

        var before = await HeapAsync(client);
        await ExchangeAsync(client);
        var allocated = await HeapAsync(client) - before;

        // One object for each request would be 48,000 bytes.
        allocated.ShouldBeLessThan(Allocations.Noise);
    }

    private static async Task ExchangeAsync(RawConnection client)
    {
        for (var i = 0; i < Requests; i++)
        {
            await client.SendAsync("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
            (await client.ReadMessageAsync()).Body.ShouldBe("hello");
        }
    }

    private static async Task<long> HeapAsync(RawConnection client)
    {
        await client.SendAsync("GET /heap HTTP/1.1\r\nHost: a\r\n\r\n");
        return long.Parse((await client.ReadMessageAsync()).Body, CultureInfo.InvariantCulture);
    }

    /// <summary>Answers /heap with what its thread has allocated.</summary>
    private sealed class HeapFilter : HttpFilter, IReusableFilter
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            if (!headers.Path.SequenceEqual("/heap"u8))
            {
                return default;
            }

            Callbacks.SendLocalReply(200, GC.GetAllocatedBytesForCurrentThread().ToString(CultureInfo.InvariantCulture), "heap");
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        public void Reset()
        {
        }
    }
}
