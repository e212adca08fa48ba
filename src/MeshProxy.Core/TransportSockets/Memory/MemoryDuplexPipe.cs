using System.IO.Pipelines;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.TransportSockets.Memory;

/// <summary>The end of a connection in memory that no loop owns: the face for other threads, such as the host app's.</summary>
/// <remarks>
/// Two pumps copy between the pipes and the connection, on the caller's thread and the pool, never on a loop's; both directions are
/// bounded, by the pipes' and the connection's own limits. Completing <see cref="Output"/> half-closes, disposing closes. A reset
/// shows as <see cref="IOException"/> from <see cref="Input"/>.
/// </remarks>
internal sealed class MemoryDuplexPipe : IDuplexPipe, IAsyncDisposable
{
    private readonly MemorySocket _socket;
    private readonly Pipe _received = new(new PipeOptions(useSynchronizationContext: false));
    private readonly Pipe _toSend = new(new PipeOptions(useSynchronizationContext: false));
    private readonly SemaphoreSlim _readable = new(0, 1);
    private readonly SemaphoreSlim _writable = new(0, 1);
    private readonly Lock _signalLock = new();
    private readonly Task _pumpIn;
    private readonly Task _pumpOut;
    private volatile bool _closed;

    /// <param name="socket">Connected, and watched by nobody.</param>
    public MemoryDuplexPipe(MemorySocket socket)
    {
        _socket = socket;
        socket.Watch(OnReady);
        _pumpIn = PumpInAsync();
        _pumpOut = PumpOutAsync();
    }

    public PipeReader Input => _received.Reader;

    public PipeWriter Output => _toSend.Writer;

    /// <summary>Closes both directions. What was written to <see cref="Output"/> is sent first, as far as the other end takes it at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await Output.CompleteAsync().ConfigureAwait(false);
        await Input.CompleteAsync().ConfigureAwait(false);
        _closed = true;
        OnReady(Readiness.Readable | Readiness.Writable);
        await _pumpOut.ConfigureAwait(false);
        await _pumpIn.ConfigureAwait(false);
        _socket.Close();
    }

    // On the thread of whoever has caused it: only signals.
    private void OnReady(Readiness readiness)
    {
        lock (_signalLock)
        {
            if ((readiness & Readiness.Readable) != 0 && _readable.CurrentCount == 0)
            {
                _readable.Release();
            }

            if ((readiness & (Readiness.Writable | Readiness.Error)) != 0 && _writable.CurrentCount == 0)
            {
                _writable.Release();
            }
        }
    }

    private async Task PumpInAsync()
    {
        var writer = _received.Writer;
        Exception? failure = null;
        while (true)
        {
            var count = _socket.Receive(writer.GetSpan(4096), out var status);
            if (count > 0)
            {
                writer.Advance(count);
                if ((await writer.FlushAsync().ConfigureAwait(false)).IsCompleted)
                {
                    break; // nobody reads any more
                }
            }
            else if (count < 0 && status == SocketStatus.WouldBlock && !_closed)
            {
                await _readable.WaitAsync().ConfigureAwait(false);
            }
            else
            {
                failure = count < 0 && !_closed ? new IOException("the connection was reset") : null;
                break;
            }
        }

        await writer.CompleteAsync(failure).ConfigureAwait(false);
    }

    private async Task PumpOutAsync()
    {
        var reader = _toSend.Reader;
        while (true)
        {
            var read = await reader.ReadAsync().ConfigureAwait(false);
            var left = read.Buffer;
            while (!left.IsEmpty)
            {
                var sent = _socket.Send(left.FirstSpan, out var status);
                if (sent > 0)
                {
                    left = left.Slice(sent);
                }
                else if (status == SocketStatus.WouldBlock && !_closed)
                {
                    await _writable.WaitAsync().ConfigureAwait(false);
                }
                else
                {
                    await reader.CompleteAsync(new IOException("the connection was reset")).ConfigureAwait(false);
                    return;
                }
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                _socket.ShutdownSend();
                await reader.CompleteAsync().ConfigureAwait(false);
                return;
            }
        }
    }
}
