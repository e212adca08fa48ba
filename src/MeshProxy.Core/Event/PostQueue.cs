namespace MeshProxy.Core.Event;

/// <summary>A delegate and its state on their way to a loop: an <see cref="Action{T}"/> or a <see cref="SendOrPostCallback"/>.</summary>
internal struct PostedMessage
{
    public Delegate Callback;
    public object? State;
}

/// <summary>Messages from any thread to one loop, in the order of their arrival. Producers append under a short lock; the loop swaps the whole batch out.</summary>
/// <remarks>The poller is woken under the lock too, so that it cannot have been closed meanwhile (its descriptor may already be another's).</remarks>
internal sealed class PostQueue(IPoller poller)
{
    private readonly Lock _gate = new();
    private PostedMessage[] _incoming = new PostedMessage[16];
    private PostedMessage[] _batch = new PostedMessage[16];
    private int _count;
    private bool _closed;

    /// <summary>Whether a message waits. The loop reads it without the lock: who appends to an empty queue wakes the loop.</summary>
    public bool HasMessages => Volatile.Read(ref _count) != 0;

    /// <summary>Appends a message, and wakes the poller if it is the first of a batch and <paramref name="fromOutside"/>. False once closed.</summary>
    public bool TryPost(Delegate callback, object? state, bool fromOutside)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return false;
            }

            var count = _count;
            if (count == _incoming.Length)
            {
                Array.Resize(ref _incoming, count * 2);
            }

            _incoming[count] = new PostedMessage { Callback = callback, State = state };
            Volatile.Write(ref _count, count + 1);
            if (count == 0 && fromOutside)
            {
                poller.Wake();
            }

            return true;
        }
    }

    /// <summary>Takes all messages. The caller clears the span's entries as it runs them, and is done with it before the next call.</summary>
    public Span<PostedMessage> TakeAll()
    {
        lock (_gate)
        {
            var count = _count;
            (_incoming, _batch) = (_batch, _incoming);
            Volatile.Write(ref _count, 0);
            return _batch.AsSpan(0, count);
        }
    }

    /// <summary>Refuses messages from now on. Those that were accepted can still be taken.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
        }
    }
}
