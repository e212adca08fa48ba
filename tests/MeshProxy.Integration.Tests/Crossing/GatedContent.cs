using System.Net;

namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>An upload that sends a part and never ends.</summary>
internal sealed class GatedContent(int part) : HttpContent
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The part has been handed to the client's connection.</summary>
    public Task Begun => _begun.Task.WaitAsync(Settings.Patience);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await Payload.WriteAsync(stream, part, cancellationToken);
        await stream.FlushAsync(cancellationToken);
        _begun.TrySetResult();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
