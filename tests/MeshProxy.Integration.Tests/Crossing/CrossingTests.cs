using System.Globalization;
using System.Net;

namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>Every kind of HTTP that a client may speak in front of every kind that an upstream may speak: HttpClient, the proxy, Kestrel.</summary>
public sealed class CrossingTests
{
    private const int Large = 5_000_000;

    public static TheoryData<Wire, Wire> Pairs
    {
        get
        {
            var pairs = new TheoryData<Wire, Wire>();
            foreach (var downstream in (Wire[])[Wire.Http1, Wire.Http2, Wire.Http1Tls, Wire.Http2Tls])
            {
                foreach (var upstream in Enum.GetValues<Wire>())
                {
                    pairs.Add(downstream, upstream);
                }
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Get_ReachesUpstreamWithItsHeaders(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        var request = pair.Request("/a/b?c=d&e=%20");
        request.Headers.Add("x-several", ["one", "two"]);
        request.Headers.Add("x-empty", "");
        request.Headers.Host = "shop.example:99";

        using var response = await pair.SendAsync(request);
        var told = (await response.Content.ReadAsStringAsync()).Split('\n');

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Headers.GetValues("x-upstream").Single().ShouldBe(
            $"HTTP/{(upstream.IsHttp2() ? "2" : "1.1")} {(upstream.IsTls() ? "https" : "http")} shop.example:99");
        told[0].ShouldBe("GET /a/b?c=d&e=%20");
        Values(told, "x-several").ShouldBe(["one, two"]); // HttpClient makes one of them
        Values(told, "x-empty").ShouldBe([""]);
        Values(told, "x-forwarded-proto").ShouldBe([downstream.IsTls() ? "https" : "http"]);
        Values(told, "x-forwarded-for").ShouldBe(["127.0.0.1"]);
        Values(told, "connection").ShouldBeEmpty();
        Values(told, "transfer-encoding").ShouldBeEmpty();
        await pair.Proxy.StatIsAsync($"http.ingress.downstream_rq_http{(downstream.IsHttp2() ? 2 : 1)}_total", 1);
        await pair.Proxy.StatIsAsync($"cluster.service.upstream_cx_http{(upstream.IsHttp2() ? 2 : 1)}_total", 1);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Bodies_OfAnyLength_ComeBackWhole(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        foreach (var path in (string[])["/whole", "/echo"])
        {
            // HttpClient over HTTP/1.1 reads nothing before it has sent everything: an echo must fit into the buffers on the way.
            foreach (var length in (int[])[0, 1, 16_384, path == "/echo" && !downstream.IsHttp2() ? 100_003 : Large])
            {
                foreach (var withLength in (bool[])[true, false])
                {
                    using var response = await pair.SendAsync(pair.Request(path, new PayloadContent(length, withLength)));
                    var said = $"{path} {length} {withLength}";

                    ((int)response.StatusCode).ShouldBe(200, said);
                    (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length, said);
                    if (path == "/whole" || withLength)
                    {
                        response.Content.Headers.ContentLength.ShouldBe(length, said);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Requests_ManyAtOnce_GetTheirOwnAnswers(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);

        await Parallel.ForAsync(0, 100, new ParallelOptions { MaxDegreeOfParallelism = 20 }, async (i, cancellation) =>
        {
            var length = (i * 2_003) + 1;
            using var response = i % 3 == 0
                ? await pair.SendAsync(pair.Request($"/chunked/{length}"), cancellation)
                : await pair.SendAsync(pair.Request(i % 3 == 1 ? "/echo" : "/whole", new PayloadContent(length, withLength: i % 2 == 0)), cancellation);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellation)).ShouldBe(length);
        });

        await pair.Proxy.StatIsAsync("http.ingress.downstream_rq_2xx", 100);
        if (downstream.IsHttp2())
        {
            await pair.Proxy.StatIsAsync("http.ingress.downstream_cx_total", 1);
        }

        if (upstream is Wire.Http2 or Wire.Http2Tls)
        {
            pair.Upstream.Connections.ShouldBeLessThanOrEqualTo(2); // one a worker; by ALPN the first ones are opened before it is known
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Trailers_CrossBothWays(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);

        var (body, trailers) = await RawExchange.TrailersAsync(pair, ("x-sum", "17"));

        body.ShouldBe("9 bytes, sum 17");
        trailers.ShouldBe(upstream.IsHttp2() ? ["x-seen: 17", "x-more: yes"] : []); // Kestrel sends none over HTTP/1.1; NodeTests has a server that does
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Trailers_OfTheResponse_ReachHttpClient(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);

        using var response = await pair.SendAsync(pair.Request("/trailers", new PayloadContent(1000, withLength: false)));

        (await response.Content.ReadAsStringAsync()).ShouldBe("1000 bytes, sum ");
        response.TrailingHeaders.TryGetValues("x-more", out var more).ShouldBe(upstream.IsHttp2());
        (more ?? []).ShouldBe(upstream.IsHttp2() ? ["yes"] : []);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Responses_WithoutBody_HaveNoneAndLeaveTheConnection(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        var ask = pair.Request("/bytes/1234");
        ask.Method = HttpMethod.Head;

        using var head = await pair.SendAsync(ask);
        head.Content.Headers.ContentLength.ShouldBe(1234);
        (await head.Content.ReadAsByteArrayAsync()).ShouldBeEmpty();
        foreach (var status in (int[])[204, 205, 304])
        {
            using var response = await pair.GetAsync($"/status/{status}");
            ((int)response.StatusCode).ShouldBe(status);
            response.Headers.ETag!.Tag.ShouldBe("\"a\"");
            (await response.Content.ReadAsByteArrayAsync()).ShouldBeEmpty();
        }

        using var next = await pair.GetAsync("/bytes/3");
        (await next.Content.ReadAsByteArrayAsync()).Length.ShouldBe(3);
        await pair.Proxy.StatIsAsync("http.ingress.downstream_cx_total", 1);
        pair.Upstream.Connections.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ExpectContinue_IsAnsweredBeforeTheBody(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        var request = pair.Request("/whole", new PayloadContent(100_000));
        request.Headers.ExpectContinue = true;

        using var response = await pair.SendAsync(request).WaitAsync(Settings.Patience);

        (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(100_000);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Cookies_OfBothSides_KeepTheirNumberAndOrder(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        string[] cookies = [.. Enumerable.Range(0, 60).Select(i => string.Create(CultureInfo.InvariantCulture, $"c{i}={new string('v', i)}"))];
        var request = pair.Request("/cookies");
        request.Headers.Add("cookie", string.Join("; ", cookies));

        using var response = await pair.SendAsync(request);

        (await response.Content.ReadAsStringAsync()).ShouldBe(string.Join("; ", cookies));
        response.Headers.GetValues("set-cookie").ShouldBe(
            Enumerable.Range(0, CrossingService.Cookies).Select(i => string.Create(CultureInfo.InvariantCulture, $"c{i}={i}; Path=/, a")));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Client_ThatCancelsTheResponse_AbortsItsRequestOnly(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        using (var response = await pair.GetAsync("/wait"))
        {
            await (await response.Content.ReadAsStreamAsync()).ReadExactlyAsync(new byte["begun".Length]);
        }

        await pair.Service.Aborted;

        using var next = await pair.GetAsync("/bytes/3");
        (await next.Content.ReadAsByteArrayAsync()).Length.ShouldBe(3);
        await pair.Proxy.StatIsAsync("http.ingress.downstream_rq_rx_reset", 1);
        await pair.Proxy.StatIsAsync("http.ingress.downstream_cx_total", downstream.IsHttp2() ? 1 : 2);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Client_ThatBreaksItsUploadOff_IsNeverTakenForComplete(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        using var cancel = new CancellationTokenSource();
        using var upload = new GatedContent(100_000);

        var sending = pair.SendAsync(pair.Request("/swallow", upload), cancel.Token);
        await upload.Begun;
        await pair.Service.Begun;
        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(sending);
        await pair.Proxy.StatIsAsync("cluster.service.upstream_rq_active", 0);
        await pair.Service.Aborted;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Upstream_ThatResetsBeforeItsHead_Is503(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);

        using var response = await pair.GetAsync("/abort");
        using var next = await pair.GetAsync("/bytes/3");

        ((int)response.StatusCode).ShouldBe(503);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith("upstream connect error or disconnect/reset before headers");
        (await next.Content.ReadAsByteArrayAsync()).Length.ShouldBe(3);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Upstream_ThatResetsInItsBody_IsNeverTakenForComplete(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);
        using var response = await pair.GetAsync("/break");
        var body = await response.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[100_000]);

        pair.Service.GoOn();

        await Should.ThrowAsync<IOException>(() => body.CopyToAsync(Stream.Null));
        using var next = await pair.GetAsync("/bytes/3");
        (await next.Content.ReadAsByteArrayAsync()).Length.ShouldBe(3);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Response_BeforeTheUploadHasEnded_ComesWhole(Wire downstream, Wire upstream)
    {
        await using var pair = await CrossingPair.StartAsync(downstream, upstream);

        if (downstream.IsHttp2())
        {
            using var upload = new GatedContent(50_000);
            using var response = await pair.SendAsync(pair.Request("/refuse", upload)).WaitAsync(Settings.Patience);
            ((int)response.StatusCode).ShouldBe(413);
            (await response.Content.ReadAsStringAsync()).ShouldBe("too large");
        }
        else
        {
            // HttpClient does not look for an answer before it has sent everything.
            (await RawExchange.RefusedUploadAsync(pair)).ShouldMatch("(?s)^HTTP/1.1 413 .*too large");
        }

        using var next = await pair.GetAsync("/bytes/3");
        (await next.Content.ReadAsByteArrayAsync()).Length.ShouldBe(3);
    }

    private static string[] Values(string[] told, string name) =>
        [.. told.Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim())];
}
