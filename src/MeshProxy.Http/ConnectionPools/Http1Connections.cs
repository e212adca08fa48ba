using System.Diagnostics;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>A pool's idle HTTP/1.1 connections, last used first.</summary>
/// <remarks>Worker thread only. One timer for all of them: the one that has been idle longest stands first.</remarks>
internal sealed class Http1Connections(HttpConnectionPool pool, EventLoop loop, long idleTimeoutMs) : LoopTimer(loop)
{
    private Http1ClientConnection[] _idle = new Http1ClientConnection[4];
    private int _count;

    /// <summary>Takes the connection that was used last.</summary>
    public Http1ClientConnection? TryTake()
    {
        while (_count > 0)
        {
            var connection = _idle[--_count];
            _idle[_count] = null!;
            connection.IdleIndex = -1;
            if (connection.IsUsable)
            {
                return connection;
            }

            connection.Connection.Close(CloseType.NoFlush);
        }

        return null;
    }

    public void Add(Http1ClientConnection connection)
    {
        Debug.Assert(connection.IdleIndex < 0 && connection.IsUsable, "a connection is idle once");
        if (_count == _idle.Length)
        {
            Array.Resize(ref _idle, _idle.Length * 2);
        }

        connection.IdleSinceMs = pool.Loop.NowMs;
        connection.IdleIndex = _count;
        _idle[_count++] = connection;
        if (idleTimeoutMs > 0 && !IsArmed)
        {
            Arm(idleTimeoutMs);
        }
    }

    /// <summary>A connection has closed, idle or not.</summary>
    public void OnClosed(Http1ClientConnection connection)
    {
        var index = connection.IdleIndex;
        if (index >= 0)
        {
            connection.IdleIndex = -1;
            Array.Copy(_idle, index + 1, _idle, index, _count - index - 1);
            _idle[--_count] = null!;
            for (var i = index; i < _count; i++)
            {
                _idle[i].IdleIndex = i;
            }
        }

        if (_count == 0)
        {
            Cancel();
        }
    }

    public void CloseIdle()
    {
        Cancel();
        while (_count > 0)
        {
            var connection = _idle[--_count];
            _idle[_count] = null!;
            connection.IdleIndex = -1;
            connection.Connection.Close(CloseType.NoFlush);
        }
    }

    protected override void OnElapsed()
    {
        var now = pool.Loop.NowMs;
        while (_count > 0 && now >= _idle[0].IdleSinceMs + idleTimeoutMs)
        {
            pool.Stats.IdleTimeout.Increment();
            _idle[0].Connection.Close(CloseType.NoFlush);
        }

        if (_count > 0)
        {
            Arm(Math.Max(1, _idle[0].IdleSinceMs + idleTimeoutMs - now));
        }
    }
}
