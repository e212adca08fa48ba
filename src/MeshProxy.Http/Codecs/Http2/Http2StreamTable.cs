using System.Diagnostics;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>The streams of a connection that are not closed, by id: open addressing with linear probing.</summary>
internal sealed class Http2StreamTable
{
    private const int InitialSlots = 8;

    /// <summary>An empty table keeps no more than this: an idle connection is cheap.</summary>
    private const int MaxRetainedSlots = 256;

    private Http2Stream?[] _slots = new Http2Stream?[InitialSlots];

    public int Count { get; private set; }

    public Http2Stream? Find(uint id)
    {
        var mask = _slots.Length - 1;
        for (var i = Home(id, mask); ; i = (i + 1) & mask)
        {
            var stream = _slots[i];
            if (stream is null || stream.Id == id)
            {
                return stream;
            }
        }
    }

    public void Add(Http2Stream stream)
    {
        Debug.Assert(Find(stream.Id) is null);
        if ((Count + 1) * 2 > _slots.Length)
        {
            Grow();
        }

        Count++;
        Place(stream);
    }

    public void Remove(Http2Stream stream)
    {
        var mask = _slots.Length - 1;
        var hole = Home(stream.Id, mask);
        while (_slots[hole] != stream)
        {
            Debug.Assert(_slots[hole] is not null, "a stream was removed that is not in the table");
            hole = (hole + 1) & mask;
        }

        // What follows moves up, so that no search ends early.
        for (var i = (hole + 1) & mask; _slots[i] is { } next; i = (i + 1) & mask)
        {
            if (((i - Home(next.Id, mask)) & mask) >= ((i - hole) & mask))
            {
                _slots[hole] = next;
                hole = i;
            }
        }

        _slots[hole] = null;
        if (--Count == 0 && _slots.Length > MaxRetainedSlots)
        {
            _slots = new Http2Stream?[InitialSlots];
        }
    }

    /// <summary>Some stream above an id, or null: for a walk that removes what it finds.</summary>
    public Http2Stream? FindAbove(uint id)
    {
        if (Count == 0)
        {
            return null;
        }

        foreach (var stream in _slots)
        {
            if (stream is not null && stream.Id > id)
            {
                return stream;
            }
        }

        return null;
    }

    /// <summary>The place of each stream, empty ones included. Not to be changed meanwhile.</summary>
    public ReadOnlySpan<Http2Stream?> Slots => _slots;

    private static int Home(uint id, int mask) => (int)(id >> 1) & mask;

    private void Place(Http2Stream stream)
    {
        var mask = _slots.Length - 1;
        var i = Home(stream.Id, mask);
        while (_slots[i] is not null)
        {
            i = (i + 1) & mask;
        }

        _slots[i] = stream;
    }

    private void Grow()
    {
        var before = _slots;
        _slots = new Http2Stream?[before.Length * 2];
        foreach (var stream in before)
        {
            if (stream is not null)
            {
                Place(stream);
            }
        }
    }
}
