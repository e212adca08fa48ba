using MeshProxy.Core.Network;
using MeshProxy.TestSupport.Http;
using Shouldly;
using Xunit;

namespace MeshProxy.Http.Tests.FilterChain;

/// <summary>What a filter does to its stream after the end, or from elsewhere, harms nobody else's.</summary>
public sealed class EndedStreamTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    [Fact]
    public void Filter_ThatAnswersAfterItsStreamEnded_DoesNotAnswerTheNext()
    {
        List<DelegateFilter> filters = [];
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () =>
                {
                    filters.Add(new DelegateFilter());
                    return filters[^1];
                },
            ],
        });
        h.Connect(Get);
        h.Reply(Ok);
        var other = h.Connect("GET /private HTTP/1.1\r\nhost: b\r\n\r\n");
        var stale = filters[0].Stream;
        h.OnLoop(() => stale.SendLocalReply(418, "", "late"));
        h.Reply(Ok);

        other.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        stale.Aborted.IsCancellationRequested.ShouldBeTrue();
        Should.Throw<ObjectDisposedException>(() => stale.RequestHeaders);
        h.ShouldBeClean();
    }

    [Fact]
    public void Filter_ThatAnswersFromAnotherThread_IsTold()
    {
        Exception? told = null;
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = (filter, _, _) =>
                    {
                        var stream = filter.Stream;
                        var thread = new Thread(() => told = Record.Exception(() => stream.SendLocalReply(418, "", "elsewhere")));
                        thread.Start();
                        thread.Join();
                        return new ValueTask<FilterStatus>(FilterStatus.Continue);
                    },
                },
            ],
        });
        var client = h.Connect(Get);
        h.Reply(Ok);

        told.ShouldBeOfType<InvalidOperationException>();
        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        h.ShouldBeClean();
    }
}
