using System.Diagnostics.CodeAnalysis;

namespace MeshProxy.Core.Streams;

/// <summary>Typed objects that filters leave for each other and for the access log, with three life spans.</summary>
/// <remarks>
/// A request's state has its connection's state as parent: entries of <see cref="FilterStateLifeSpan.Connection"/> are kept there, and a look-up
/// that finds nothing in the request goes on there. Single-threaded (the connection's worker); a few entries, searched one by one. Nothing is
/// allocated before the first entry.
/// </remarks>
public sealed class FilterState
{
    private Entry[] _entries = [];
    private int _count;

    private struct Entry
    {
        public FilterStateKey Key;
        public object Value;
        public FilterStateLifeSpan LifeSpan;
        public FilterStateMutability Mutability;
        public bool SharedWithUpstream;
    }

    /// <summary>The state of the connection that the request came on; null for a connection's own state.</summary>
    internal FilterState? Parent { get; set; }

    /// <summary>How many entries, without the parent's.</summary>
    public int Count => _count;

    /// <summary>Sets an entry.</summary>
    /// <param name="sharedWithUpstream">Whether the upstream connection gets it too (it then is a part of the connection pool's key).</param>
    /// <returns>False if a read-only entry, or one with another life span, stands under this key: nothing has changed then.</returns>
    public bool Set<T>(
        FilterStateKey<T> key,
        T value,
        FilterStateLifeSpan lifeSpan = FilterStateLifeSpan.Request,
        FilterStateMutability mutability = FilterStateMutability.ReadOnly,
        bool sharedWithUpstream = false)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        var entry = new Entry { Key = key, Value = value, LifeSpan = lifeSpan, Mutability = mutability, SharedWithUpstream = sharedWithUpstream };
        if (lifeSpan == FilterStateLifeSpan.Connection && Parent is not null)
        {
            return IndexOf(key) < 0 && Parent.Put(entry);
        }

        // A request may not hide what its connection says.
        return !(Parent?.Has(key) ?? false) && Put(entry);
    }

    public bool TryGet<T>(FilterStateKey<T> key, [NotNullWhen(true)] out T? value)
        where T : class
    {
        value = Get(key);
        return value is not null;
    }

    public T? Get<T>(FilterStateKey<T> key)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(key);
        var index = IndexOf(key);
        return index >= 0 ? (T)_entries[index].Value : Parent?.Get(key);
    }

    public bool Has(FilterStateKey key) => IndexOf(key) >= 0 || (Parent?.Has(key) ?? false);

    /// <summary>The entry whose key has this name, for the access log; the request's before the connection's.</summary>
    public object? GetByName(string name)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_entries[i].Key.Name == name)
            {
                return _entries[i].Value;
            }
        }

        return Parent?.GetByName(name);
    }

    /// <summary>Calls back with the entries to share with the upstream connection, the parent's too.</summary>
    internal void ForEachShared<TState>(TState state, Action<TState, FilterStateKey, object> callback)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_entries[i].SharedWithUpstream)
            {
                callback(state, _entries[i].Key, _entries[i].Value);
            }
        }

        Parent?.ForEachShared(state, callback);
    }

    /// <summary>Drops the entries of one pass through the filter chain (internal redirect).</summary>
    internal void EndFilterChain()
    {
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_entries[i].LifeSpan != FilterStateLifeSpan.FilterChain)
            {
                _entries[kept++] = _entries[i];
            }
        }

        Array.Clear(_entries, kept, _count - kept);
        _count = kept;
    }

    /// <summary>Drops all entries and the parent; keeps the room.</summary>
    internal void Reset()
    {
        Array.Clear(_entries, 0, _count);
        _count = 0;
        Parent = null;
    }

    private bool Put(in Entry entry)
    {
        var index = IndexOf(entry.Key);
        if (index >= 0)
        {
            ref var existing = ref _entries[index];
            if (existing.Mutability == FilterStateMutability.ReadOnly || entry.Mutability == FilterStateMutability.ReadOnly || existing.LifeSpan != entry.LifeSpan)
            {
                return false;
            }

            existing = entry;
            return true;
        }

        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(4, _count * 2));
        }

        _entries[_count++] = entry;
        return true;
    }

    private int IndexOf(FilterStateKey key)
    {
        for (var i = 0; i < _count; i++)
        {
            if (ReferenceEquals(_entries[i].Key, key))
            {
                return i;
            }
        }

        return -1;
    }
}
