using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;

namespace MeshProxy.Integration.Tests.Lifecycle;

/// <summary>The stats as a meter of the host app.</summary>
public sealed class MeterTests
{
    [Fact]
    public async Task Meter_OfARunningProxy_ShowsWhatItServed()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var values = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, proxy.Server.Stats))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => values[instrument.Name] = value);
        listener.Start();
        for (var i = 0; i < 3; i++)
        {
            (await proxy.Client.GetAsync($"http://127.0.0.1:{proxy.Port}/")).StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        listener.RecordObservableInstruments();

        values["http.ingress.downstream_rq_total"].ShouldBe(3);
        values["cluster.service.upstream_rq_total"].ShouldBe(3);
    }
}
