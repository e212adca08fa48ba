using System.Diagnostics;
using System.Numerics;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>The streams of a connection that are not closed, by id: open addressing with linear probing.</summary>
/// <remarks>
/// Ids that follow each other are spread over the table: streams that end in the order in which they began would otherwise stand in one
/// row, and each removal walk all of it. A peer chooses the ids, and can still make such a row. So the ids have an array of their own, in
/// which a row of a thousand is searched in less time than a frame takes otherwise.
/// </remarks>
internal sealed class Http2StreamTable
{
    private const int InitialSlots = 8;

    /// <summary>An empty table keeps no more than this: an idle connection is cheap.</summary>
    private const int MaxRetainedSlots = 256;

    private Http2Stream?[] _slots = new Http2Stream?[InitialSlots];
    private uint[] _ids = new uint[InitialSlots];   // 0: the place is empty
    private int _shift = ShiftOf(InitialSlots);

    public int Count { get; private set; }

    public Http2Stream? Find(uint id)
    {
        var place = PlaceOf(id);
        return _ids[place] == id ? _slots[place] : null;
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
        var ids = _ids;
        var mask = ids.Length - 1;
        var hole = PlaceOf(stream.Id);
        Debug.Assert(_slots[hole] == stream, "a stream was removed that is not in the table");

        // What follows moves up, so that no search ends early.
        for (var i = (hole + 1) & mask; ids[i] != 0; i = (i + 1) & mask)
        {
            if (((i - Home(ids[i])) & mask) >= ((i - hole) & mask))
            {
                _slots[hole] = _slots[i];
                ids[hole] = ids[i];
                hole = i;
            }
        }

        _slots[hole] = null;
        ids[hole] = 0;
        if (--Count == 0 && _slots.Length > MaxRetainedSlots)
        {
            Allocate(InitialSlots);
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

    private static int ShiftOf(int slots) => 32 - BitOperations.Log2((uint)slots);

    /// <summary>Fibonacci hashing: the top bits of a product with 2^32 over the golden ratio.</summary>
    private int Home(uint id) => (int)(id * 0x9E3779B9u >> _shift);

    /// <summary>Where a stream stands, or the empty place where it would. The table is never full.</summary>
    private int PlaceOf(uint id)
    {
        var ids = _ids;
        var home = Home(id);
        if (ids[home] == id || ids[home] == 0)
        {
            return home;
        }

        var behind = ids.AsSpan(home + 1).IndexOfAny(id, 0u);
        return behind >= 0 ? home + 1 + behind : ids.AsSpan(0, home).IndexOfAny(id, 0u);
    }

    private void Place(Http2Stream stream)
    {
        var place = PlaceOf(stream.Id);
        _slots[place] = stream;
        _ids[place] = stream.Id;
    }

    private void Grow()
    {
        var before = _slots;
        Allocate(before.Length * 2);
        foreach (var stream in before)
        {
            if (stream is not null)
            {
                Place(stream);
            }
        }
    }

    private void Allocate(int slots)
    {
        _slots = new Http2Stream?[slots];
        _ids = new uint[slots];
        _shift = ShiftOf(slots);
    }
}
