using MeshProxy.Core.Event;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// The token that tells a filter that its stream has ended. Cancelled from the ready queue, because what users register on a token runs
/// inside <see cref="CancellationTokenSource.Cancel()"/> and would resume a filter's call on the stack of whatever ended the stream.
/// </summary>
internal sealed class AbortSignal(EventLoop loop) : ILoopItem
{
    private readonly CancellationTokenSource _source = new();
    private bool _given;

    public CancellationToken Token => _source.Token;

    public void Give()
    {
        if (!_given)
        {
            _given = true;
            loop.Enqueue(this);
        }
    }

    void ILoopItem.Run() => _source.Cancel();
}
