namespace MeshProxy.Http.ConnectionPools;

/// <summary>A pool's HTTP/2 connections: all of them, and those that have room for another stream.</summary>
/// <remarks>Worker thread only. The oldest with room gets the next stream, so that few connections carry many.</remarks>
internal sealed class Http2Connections
{
    private readonly List<Http2ClientConnection> _all = [];
    private readonly List<Http2ClientConnection> _ready = [];

    public void Add(Http2ClientConnection connection) => _all.Add(connection);

    /// <summary>A connection has, or may have, room.</summary>
    public void Offer(Http2ClientConnection connection)
    {
        if (!connection.IsOffered)
        {
            connection.IsOffered = true;
            _ready.Add(connection);
        }
    }

    public Http2ClientStream? TryOpen()
    {
        while (_ready.Count > 0)
        {
            var connection = _ready[0];
            if (connection.TryOpen() is { } stream)
            {
                return stream;
            }

            // It comes back when one of its streams ends.
            connection.IsOffered = false;
            _ready.RemoveAt(0);
        }

        return null;
    }

    public void Remove(Http2ClientConnection connection)
    {
        _all.Remove(connection);
        if (connection.IsOffered)
        {
            connection.IsOffered = false;
            _ready.Remove(connection);
        }
    }

    public void Drain()
    {
        for (var i = _all.Count - 1; i >= 0; i--)
        {
            _all[i].Drain();
        }
    }
}
