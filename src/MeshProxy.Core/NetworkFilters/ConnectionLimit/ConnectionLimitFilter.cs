using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.ConnectionLimit;

/// <summary>Closes a connection past the limit, after a delay if one is set (envoy.filters.network.connection_limit).</summary>
internal sealed class ConnectionLimitFilter(ConnectionLimitFilterFactory factory) : IReadFilter, IConnectionCallbacks
{
    private INetworkFilterCallbacks _callbacks = null!;
    private LoopSource<FilterStatus>? _refused;
    private LoopTimer? _delay;
    private bool _counted;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public ValueTask<FilterStatus> OnNewConnectionAsync()
    {
        if (factory.TryEnter())
        {
            _counted = true;
            return new ValueTask<FilterStatus>(FilterStatus.Continue);
        }

        factory.Stats.LimitedConnections.Increment();
        if (factory.DelayMs == 0)
        {
            _callbacks.Connection.Close(CloseType.NoFlush);
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        // Nobody reads meanwhile: a client that goes is noticed at the delay's end, or at once if it resets.
        _refused = new LoopSource<FilterStatus>(_callbacks.Loop);
        _callbacks.Connection.FilterCallbacks = this;
        _delay = new LoopTimer(_callbacks.Loop, static state => ((ConnectionLimitFilter)state!).Close(), this);
        _delay.Arm(factory.DelayMs);
        return _refused.WaitAsync();
    }

    public ValueTask<FilterStatus> OnDataAsync(IoBuffer data, bool endStream) => new(FilterStatus.Continue);

    public void OnDestroy()
    {
        if (_counted)
        {
            factory.Leave();
        }
    }

    void IConnectionCallbacks.OnPeerReset() => Close();

    void IConnectionCallbacks.OnClosed()
    {
        _delay!.Cancel();
        _refused!.CompleteQueued(FilterStatus.StopIteration);
    }

    private void Close() => _callbacks.Connection.Close(CloseType.NoFlush);
}
