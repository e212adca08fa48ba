using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Headers;

/// <summary>
/// The headers of a message: case-insensitive, with several values a name, in the order in which they came. The
/// received head stays where it was read and the map keeps offsets into it; what is added goes to slabs of its own.
/// </summary>
/// <remarks>
/// Belongs to one worker and is reused for message after message. A span that it hands out is valid until the map is
/// changed or cleared, and no further than the caller's next await. Members that change the map or make strings
/// throw <see cref="InvalidOperationException"/> on a thread other than the map's own.
/// </remarks>
public abstract unsafe partial class HeaderMap
{
    /// <summary>How many bytes may be added to one map: 256 KiB. What is replaced counts until the map is cleared.</summary>
    public const int MaxAddedBytes = 256 * 1024;

    private const int MaxSlots = 16 * 1024;
    private const int InitialSlots = 24;
    private const int MaxRetainedSlots = 256;

    private SlabPool? _pool;
    private int _ownerThread;
    private Slab? _headSlab;
    private byte* _head;
    private HeaderSlot[] _slots = new HeaderSlot[InitialSlots];
    private int _slotCount;
    private FirstSlots _first;
    private Slab[] _arena = [];
    private int _arenaCount;
    private int _addedBytes;

    private protected HeaderMap(SlabPool? pool)
    {
        if (pool is not null)
        {
            Attach(pool);
        }
    }

    // For each well-known name one more than the index of its first slot; zero if it is absent.
    [InlineArray(HeaderTable.Size)]
    private struct FirstSlots
    {
        private ushort _element;
    }

    /// <summary>How many headers there are, a name with two values counting twice.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of all names and values, and 4 more for each header.</summary>
    public int ByteSize { get; private set; }

    /// <summary>The first value of a name, or null, as a string. See <see cref="GetString"/> and <see cref="Set(HeaderName, string)"/>.</summary>
    public string? this[string name]
    {
        get => GetString(name);
        set
        {
            if (value is null)
            {
                Remove(name);
            }
            else
            {
                Set(name, value);
            }
        }
    }

    internal ReadOnlySpan<HeaderSlot> Slots => new(_slots, 0, _slotCount);

    internal SlabPool? Pool => _pool;

    /// <summary>Gives the map to the current thread's worker, whose pool its slabs come from.</summary>
    internal void Attach(SlabPool pool)
    {
        Debug.Assert(Count == 0 && _arenaCount == 0 && _headSlab is null, "clear the map before it moves");
        _pool = pool;
        _ownerThread = Environment.CurrentManagedThreadId;
    }

    public bool Contains(HeaderName name) => IndexOf(name) >= 0;

    /// <summary>The first value of a name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(HeaderName name, out ReadOnlySpan<byte> value)
    {
        var index = IndexOf(name);
        if (index < 0)
        {
            value = default;
            return false;
        }

        value = ValueAt(index);
        return true;
    }

    /// <summary>The first value of a name; empty if it is absent.</summary>
    public ReadOnlySpan<byte> Get(HeaderName name)
    {
        TryGet(name, out var value);
        return value;
    }

    /// <summary>The first value of a name as a string, read as UTF-8; null if it is absent. Allocates.</summary>
    /// <exception cref="InvalidOperationException">Called on another thread than the map's own.</exception>
    public string? GetString(HeaderName name)
    {
        CheckThread();
        return TryGet(name, out var value) ? Encoding.UTF8.GetString(value) : null;
    }

    /// <summary>Gives a name one value: replaces the first in its place and takes the others out, or adds it at the end.</summary>
    /// <exception cref="ArgumentException">The value holds CR, LF or NUL, or is too long.</exception>
    /// <exception cref="InvalidOperationException">Called on another thread, or more than <see cref="MaxAddedBytes"/> were added.</exception>
    public void Set(HeaderName name, ReadOnlySpan<byte> value)
    {
        CheckChange(name, value);
        SetTrusted(name, value);
    }

    /// <summary><see cref="Set(HeaderName, ReadOnlySpan{byte})"/> for engine code on the map's own worker, with a value that is known to hold no control characters.</summary>
    internal void SetTrusted(HeaderName name, ReadOnlySpan<byte> value)
    {
        var index = IndexOf(name);
        if (index < 0)
        {
            AppendSlot(name, value, default);
            return;
        }

        RemoveAfter(index, name);
        Rewrite(index, value, default);
    }

    /// <summary><see cref="AppendValue"/> for engine code; see <see cref="SetTrusted"/>.</summary>
    internal void AppendTrusted(HeaderName name, ReadOnlySpan<byte> value)
    {
        var index = IndexOf(name);
        if (index < 0)
        {
            AppendSlot(name, value, default);
        }
        else
        {
            Rewrite(index, ValueAt(index), value);
        }
    }

    /// <inheritdoc cref="Set(HeaderName, ReadOnlySpan{byte})"/>
    [SkipLocalsInit]
    public void Set(HeaderName name, string value)
    {
        var room = Encoding.UTF8.GetMaxByteCount(value.Length);
        Span<byte> bytes = room <= 1024 ? stackalloc byte[1024] : new byte[room];
        Set(name, bytes[..Encoding.UTF8.GetBytes(value, bytes)]);
    }

    /// <summary>Adds a header at the end, whether or not the name is there.</summary>
    /// <inheritdoc cref="Set(HeaderName, ReadOnlySpan{byte})" path="/exception"/>
    public void Add(HeaderName name, ReadOnlySpan<byte> value)
    {
        CheckChange(name, value);
        AppendSlot(name, value, default);
    }

    /// <inheritdoc cref="Add(HeaderName, ReadOnlySpan{byte})"/>
    [SkipLocalsInit]
    public void Add(HeaderName name, string value)
    {
        var room = Encoding.UTF8.GetMaxByteCount(value.Length);
        Span<byte> bytes = room <= 1024 ? stackalloc byte[1024] : new byte[room];
        Add(name, bytes[..Encoding.UTF8.GetBytes(value, bytes)]);
    }

    /// <summary>Puts a comma and the value behind the first value of the name, or adds the header if it is absent.</summary>
    /// <inheritdoc cref="Set(HeaderName, ReadOnlySpan{byte})" path="/exception"/>
    public void AppendValue(HeaderName name, ReadOnlySpan<byte> value)
    {
        CheckChange(name, value);
        AppendTrusted(name, value);
    }

    /// <summary>Takes every header of a name out. Returns how many there were.</summary>
    /// <exception cref="InvalidOperationException">Called on another thread than the map's own.</exception>
    public int Remove(HeaderName name)
    {
        CheckThread();
        var index = IndexOf(name);
        if (index < 0)
        {
            return 0;
        }

        var removed = 1 + RemoveAfter(index, name);
        RemoveSlot(ref _slots[index]);
        return removed;
    }

    /// <summary>Takes every header out whose name begins so. Returns how many there were.</summary>
    /// <exception cref="InvalidOperationException">Called on another thread than the map's own.</exception>
    public int RemovePrefix(ReadOnlySpan<byte> lowerPrefix)
    {
        CheckThread();
        var removed = 0;
        for (var i = 0; i < _slotCount; i++)
        {
            ref var slot = ref _slots[i];
            if ((slot.Flags & HeaderSlotFlags.Removed) == 0 && slot.NameLength >= lowerPrefix.Length
                && HeaderBytes.NameEquals(Block(slot) + slot.NameStart, lowerPrefix.Length, lowerPrefix))
            {
                RemoveSlot(ref slot);
                removed++;
            }
        }

        return removed;
    }

    /// <summary>Takes everything out and gives the slabs back. The map can be used again.</summary>
    /// <exception cref="InvalidOperationException">Called on another thread than the map's own.</exception>
    public void Clear()
    {
        if (_pool is not null)
        {
            CheckThread();
        }

        _headSlab?.Release();
        _headSlab = null;
        _head = null;
        for (var i = 0; i < _arenaCount; i++)
        {
            _arena[i].Release();
            _arena[i] = null!;
        }

        _arenaCount = 0;
        _addedBytes = 0;
        if (_slotCount > 0)
        {
            _slotCount = 0;
            _first = default;
            if (_slots.Length > MaxRetainedSlots)
            {
                _slots = new HeaderSlot[InitialSlots];
            }
        }

        Count = 0;
        ByteSize = 0;
        ClearStartLine();
    }

    /// <summary>Enumerates the headers in their order.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Makes this map, which must be empty, a copy of another of the same worker. The bytes are shared until either changes.</summary>
    internal void CopyFrom(HeaderMap source)
    {
        Debug.Assert(Count == 0 && _arenaCount == 0 && _headSlab is null && _pool == source._pool);
        CheckThread();
        _headSlab = source._headSlab?.AddReference();
        _head = source._head;
        if (_slots.Length < source._slotCount)
        {
            _slots = new HeaderSlot[source._slots.Length];
        }

        source.Slots.CopyTo(_slots);
        _slotCount = source._slotCount;
        _first = source._first;
        Count = source.Count;
        ByteSize = source.ByteSize;
        _addedBytes = source._addedBytes;
        if (source._arenaCount > 0)
        {
            if (_arena.Length < source._arenaCount)
            {
                _arena = new Slab[source._arena.Length];
            }

            // Neither appends to a slab that both hold.
            for (var i = 0; i < source._arenaCount; i++)
            {
                _arena[i] = source._arena[i].AddReference();
            }

            _arenaCount = source._arenaCount;
        }
    }

    private protected abstract void ClearStartLine();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void CheckThread()
    {
        if (_ownerThread != Environment.CurrentManagedThreadId)
        {
            ThrowWrongThread();
        }
    }

    private void ThrowWrongThread() => throw new InvalidOperationException(
        _pool is null
            ? "This header map belongs to no worker yet."
            : $"This header map belongs to the worker on thread {_ownerThread}; after an await, use it only on that worker.");

    /// <summary>The enumerator of <see cref="HeaderMap"/>.</summary>
    public ref struct Enumerator
    {
        private readonly HeaderMap _map;
        private int _index;

        internal Enumerator(HeaderMap map)
        {
            _map = map;
            _index = -1;
        }

        public readonly HeaderEntry Current
        {
            get
            {
                ref var slot = ref _map._slots[_index];
                return new HeaderEntry(slot.Id, _map.NameOf(slot), _map.ValueOf(slot));
            }
        }

        public bool MoveNext()
        {
            while (++_index < _map._slotCount)
            {
                if ((_map._slots[_index].Flags & HeaderSlotFlags.Removed) == 0)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
