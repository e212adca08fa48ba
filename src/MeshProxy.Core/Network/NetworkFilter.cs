using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Network;

/// <summary>What a filter call says of the rest of the chain. "Continue later" is a task that is not complete yet.</summary>
public enum FilterStatus : byte
{
    Continue,

    /// <summary>The filter has replied, closed, or owns the stream from here on.</summary>
    StopIteration,
}

/// <summary>The connection, as a network filter sees it. Worker thread only.</summary>
public interface INetworkFilterCallbacks
{
    Connection Connection { get; }

    StreamInfo StreamInfo { get; }

    EventLoop Loop { get; }

    /// <summary>Reads what arrives next, after the read filters before the terminal one have seen it.</summary>
    ValueTask<IoResult> ReadAsync(IoBuffer into);

    /// <summary>Writes through the write filters, last one first. Takes all of <paramref name="data"/>.</summary>
    ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream);
}

/// <summary>What all network filters share. One instance serves one connection.</summary>
public interface INetworkFilterBase
{
    /// <summary>Runs first, before the connection is shown to any filter.</summary>
    void Initialize(INetworkFilterCallbacks callbacks);

    /// <summary>Runs once, last, when no call to this filter is outstanding.</summary>
    void OnDestroy()
    {
    }
}

/// <summary>Sees what the downstream sends.</summary>
public interface IReadFilter : INetworkFilterBase
{
    ValueTask<FilterStatus> OnNewConnectionAsync();

    /// <summary>Data in order. A filter may change, drain or append; what it leaves goes on to the next filter.</summary>
    ValueTask<FilterStatus> OnDataAsync(IoBuffer data, bool endStream);
}

/// <summary>Sees what is sent to the downstream.</summary>
public interface IWriteFilter : INetworkFilterBase
{
    ValueTask<FilterStatus> OnWriteAsync(IoBuffer data, bool endStream);
}

/// <summary>Sees both directions.</summary>
public interface INetworkFilter : IReadFilter, IWriteFilter;

/// <summary>The last filter of a chain: it owns the connection's bytes, pulls what arrives and writes the answers.</summary>
public interface ITerminalFilter : INetworkFilterBase
{
    /// <summary>Serves the connection; completes when it is done with it. The connection is then closed if it still is open.</summary>
    ValueTask RunAsync();
}

/// <summary>A terminal filter that says itself when it is done: it then costs an idle connection no state machine.</summary>
internal interface ICallbackTerminalFilter : ITerminalFilter
{
    /// <summary>As <see cref="ITerminalFilter.RunAsync"/>. The owner is called once, and not before this returns.</summary>
    void Run(ITerminalFilterOwner owner);
}

/// <summary>Who runs a terminal filter.</summary>
internal interface ITerminalFilterOwner
{
    void OnTerminalFilterDone();
}

/// <summary>A network filter that wants to hear that its listener, its filter chain or the server drains: it may close an idle connection.</summary>
public interface IDrainAwareFilter : INetworkFilterBase
{
    /// <summary>Runs on the connection's worker, once, when the drain begins. Not for connections that are made later.</summary>
    void OnDrain();
}
