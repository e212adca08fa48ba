using System.Text;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Gateway;

/// <summary>Plays a service: says who answered and what it was asked.</summary>
internal sealed class DemoServiceFilter(string name) : HttpFilter
{
    public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        var answer = new StringBuilder();
        answer.Append("answered by ").Append(name).Append('\n');
        answer.Append(Encoding.ASCII.GetString(headers.Method)).Append(' ').Append(Encoding.ASCII.GetString(headers.Path)).Append('\n');
        foreach (var header in headers)
        {
            answer.Append(Encoding.ASCII.GetString(header.Name)).Append(": ").Append(Encoding.Latin1.GetString(header.Value)).Append('\n');
        }

        if (headers.Path.StartsWith("/slow"u8))
        {
            // Awaiting pauses this stream only; the worker goes on with the others.
            await Task.Delay(TimeSpan.FromSeconds(5), Callbacks.Aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        Callbacks.SendLocalReply(200, answer.ToString(), "demo");
        return FilterStatus.StopIteration;
    }
}
