using System.Diagnostics;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>The streams that could send DATA if the connection's window lets them, in the order of their turns.</summary>
internal struct Http2ReadyList
{
    private Http2Stream? _last;

    public Http2Stream? First { get; private set; }

    public void Add(Http2Stream stream)
    {
        if (stream.InReady)
        {
            return;
        }

        stream.InReady = true;
        stream.PreviousReady = _last;
        if (_last is null)
        {
            First = stream;
        }
        else
        {
            _last.NextReady = stream;
        }

        _last = stream;
    }

    public void Remove(Http2Stream stream)
    {
        if (!stream.InReady)
        {
            return;
        }

        stream.InReady = false;
        if (stream.PreviousReady is null)
        {
            Debug.Assert(First == stream);
            First = stream.NextReady;
        }
        else
        {
            stream.PreviousReady.NextReady = stream.NextReady;
        }

        if (stream.NextReady is null)
        {
            _last = stream.PreviousReady;
        }
        else
        {
            stream.NextReady.PreviousReady = stream.PreviousReady;
        }

        stream.NextReady = null;
        stream.PreviousReady = null;
    }

    /// <summary>The stream has had its turn.</summary>
    public void MoveToEnd(Http2Stream stream)
    {
        if (_last != stream)
        {
            Remove(stream);
            Add(stream);
        }
    }
}
