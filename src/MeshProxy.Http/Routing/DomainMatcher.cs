using System.Buffers;
using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Routing;

/// <summary>Finds the virtual host of a request's host: a whole name, else the longest suffix (<c>*.foo.com</c>), else the longest prefix
/// (<c>foo.*</c>), else <c>*</c>, without regard to case, as Envoy does.</summary>
/// <remarks>Immutable after the constructor, safe from any thread; a lookup allocates nothing.</remarks>
internal sealed class DomainMatcher
{
    private const int StackBytes = 512;

    private readonly ByteStringMap _exact;
    private readonly PathTrie _suffixes;
    private readonly PathTrie _prefixes;
    private readonly int[] _suffixOwners;
    private readonly int[] _prefixOwners;
    private readonly int _any = -1;

    /// <param name="domains">Each with the number of its virtual host; the first of two equal ones counts.</param>
    public DomainMatcher(IEnumerable<KeyValuePair<string, int>> domains)
    {
        List<KeyValuePair<byte[], int>> exact = [], suffixes = [], prefixes = [];
        foreach (var (domain, owner) in domains)
        {
            var key = AsciiFolding.ToLower(domain);
            if (domain == "*")
            {
                _any = _any < 0 ? owner : _any;
            }
            else if (domain.StartsWith('*'))
            {
                Array.Reverse(key);
                suffixes.Add(new(key[..^1], owner));
            }
            else if (domain.EndsWith('*'))
            {
                prefixes.Add(new(key[..^1], owner));
            }
            else
            {
                exact.Add(new(key, owner));
            }
        }

        _exact = new ByteStringMap(exact);
        (_suffixes, _suffixOwners) = LongestFirst(suffixes);
        (_prefixes, _prefixOwners) = LongestFirst(prefixes);
        HasOnlyAny = exact.Count + suffixes.Count + prefixes.Count == 0;
    }

    /// <summary>Whether the host makes no difference.</summary>
    public bool HasOnlyAny { get; }

    /// <summary>The virtual host of <c>*</c>, or -1.</summary>
    public int Any => _any;

    /// <returns>The number of the virtual host, or -1.</returns>
    [SkipLocalsInit]
    public int Find(ReadOnlySpan<byte> host)
    {
        if (HasOnlyAny || host.IsEmpty)
        {
            return _any;
        }

        byte[]? rented = null;
        Span<byte> lower = host.Length <= StackBytes ? stackalloc byte[StackBytes] : (rented = ArrayPool<byte>.Shared.Rent(host.Length));
        lower = lower[..host.Length];
        AsciiFolding.ToLower(host, lower);
        var found = FindLower(lower);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return found;
    }

    private int FindLower(Span<byte> host)
    {
        if (_exact.TryFind(host, out var owner))
        {
            return owner;
        }

        // The star stands for one character at least, so the trie is not shown the last one: *-bar.foo.com is not -bar.foo.com.
        if (!_prefixes.IsEmpty || !_suffixes.IsEmpty)
        {
            var prefix = _prefixes.FindLowest(host[..^1]);
            host.Reverse();
            var suffix = _suffixes.FindLowest(host[..^1]);
            if (suffix != PathTrie.None)
            {
                return _suffixOwners[suffix];
            }

            if (prefix != PathTrie.None)
            {
                return _prefixOwners[prefix];
            }
        }

        return _any;
    }

    /// <summary>Numbers the wildcards by length, so that the lowest number on the way through the trie is the longest.</summary>
    private static (PathTrie Trie, int[] Owners) LongestFirst(List<KeyValuePair<byte[], int>> wildcards)
    {
        var sorted = wildcards.OrderByDescending(w => w.Key.Length).ToArray();
        return (new PathTrie(sorted.Select((w, i) => new TriePrefix(w.Key, i))), [.. sorted.Select(w => w.Value)]);
    }
}
