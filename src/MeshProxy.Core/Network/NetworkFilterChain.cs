using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Network;

/// <summary>The filters of one connection: read filters in order, the terminal filter, write filters in reverse.</summary>
internal sealed class NetworkFilterChain : INetworkFilterCallbacks
{
    private readonly INetworkFilterBase[] _filters;
    private readonly IReadFilter[] _readFilters;
    private readonly IWriteFilter[] _writeFilters;
    private readonly ITerminalFilter _terminal;
    private readonly IoBuffer? _scratch;

    /// <param name="filters">In order; the last one is terminal (checked when the configuration was built).</param>
    public NetworkFilterChain(Connection connection, StreamInfo streamInfo, INetworkFilterBase[] filters)
    {
        Connection = connection;
        StreamInfo = streamInfo;
        _filters = filters;
        _terminal = (ITerminalFilter)filters[^1];
        if (filters.Length == 1)
        {
            _readFilters = [];
            _writeFilters = [];
        }
        else
        {
            _readFilters = filters.OfType<IReadFilter>().ToArray();
            _writeFilters = filters.OfType<IWriteFilter>().Reverse().ToArray();
            _scratch = new IoBuffer(connection.Loop.Slabs);
        }
    }

    public Connection Connection { get; }

    public StreamInfo StreamInfo { get; }

    public EventLoop Loop => Connection.Loop;

    /// <summary>
    /// For a chain that is nothing but a terminal filter which calls back: runs it, and <see cref="ITerminalFilterOwner.OnTerminalFilterDone"/>
    /// follows. False: use <see cref="RunAsync"/>. Whoever is called back destroys the filters with <see cref="Destroy"/>.
    /// </summary>
    public bool TryRun(ITerminalFilterOwner owner)
    {
        if (_filters.Length != 1 || _terminal is not ICallbackTerminalFilter terminal)
        {
            return false;
        }

        terminal.Initialize(this);
        terminal.Run(owner);
        return true;
    }

    public void Destroy()
    {
        _scratch?.Clear();
        foreach (var filter in _filters)
        {
            filter.OnDestroy();
        }
    }

    /// <summary>Shows the connection to every filter and lets the terminal one serve it to its end.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<bool> RunAsync()
    {
        foreach (var filter in _filters)
        {
            filter.Initialize(this);
        }

        try
        {
            foreach (var filter in _readFilters)
            {
                if (await filter.OnNewConnectionAsync() == FilterStatus.StopIteration)
                {
                    return false;
                }
            }

            await _terminal.RunAsync();
            return true;
        }
        finally
        {
            Destroy();
        }
    }

    public ValueTask<IoResult> ReadAsync(IoBuffer into) => _readFilters.Length == 0 ? Connection.ReadAsync(into) : ReadFilteredAsync(into);

    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream) =>
        _writeFilters.Length == 0 ? Connection.WriteAsync(data, endStream) : WriteFilteredAsync(data, endStream);

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> ReadFilteredAsync(IoBuffer into)
    {
        var scratch = _scratch!;
        while (true)
        {
            var result = await Connection.ReadAsync(scratch);
            if (!result.IsOk && result.Status != IoStatus.EndOfStream)
            {
                return result;
            }

            foreach (var filter in _readFilters)
            {
                if (await filter.OnDataAsync(scratch, !result.IsOk) == FilterStatus.StopIteration)
                {
                    scratch.Clear();
                    return new IoResult(IoStatus.Aborted);
                }
            }

            var length = (int)scratch.Length;
            if (length > 0)
            {
                into.MoveFrom(scratch);
                return new IoResult(IoStatus.Ok, length); // an end of stream shows again at the next read
            }

            if (!result.IsOk)
            {
                return result;
            }
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> WriteFilteredAsync(IoBuffer data, bool endStream)
    {
        foreach (var filter in _writeFilters)
        {
            if (await filter.OnWriteAsync(data, endStream) == FilterStatus.StopIteration)
            {
                data.Clear();
                return new IoResult(IoStatus.Aborted);
            }
        }

        return await Connection.WriteAsync(data, endStream);
    }
}
