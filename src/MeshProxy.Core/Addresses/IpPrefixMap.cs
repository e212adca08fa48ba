using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Numerics;

namespace MeshProxy.Core.Addresses;

/// <summary>Finds the value of the longest prefix that an IP address has.</summary>
/// <remarks>
/// Immutable after the constructor, safe from any thread; a lookup allocates nothing and takes time logarithmic in the number of
/// ranges. CIDR ranges nest but never cross, so they cut the address space into at most 2n + 1 runs, each with one longest prefix:
/// a sorted array of the runs' first addresses for each family is all that a lookup needs, and it is denser in the cache than a trie.
/// </remarks>
internal sealed class IpPrefixMap<T>
    where T : class
{
    private readonly Runs<uint> _v4;
    private readonly Runs<UInt128> _v6;

    /// <exception cref="ArgumentException">A range occurs twice.</exception>
    public IpPrefixMap(IEnumerable<KeyValuePair<CidrRange, T>> ranges)
    {
        var v4 = new List<Entry<uint>>();
        var v6 = new List<Entry<UInt128>>();
        foreach (var (range, value) in ranges)
        {
            var len = range.PrefixLen;
            if (range.Bits.IsV4)
            {
                var first = range.Bits.V4;
                v4.Add(new(first, first | (len == 32 ? 0 : uint.MaxValue >> len), len, value));
            }
            else
            {
                var first = range.Bits.Value;
                v6.Add(new(first, first | (len == 128 ? 0 : UInt128.MaxValue >> len), len, value));
            }
        }

        _v4 = Runs<uint>.Build(v4);
        _v6 = Runs<UInt128>.Build(v6);
    }

    /// <summary>An IPv4-mapped IPv6 address is looked up as IPv4.</summary>
    /// <returns>Null if no range contains the address.</returns>
    public T? Find(IPAddress address) => Find(IpBits.From(address));

    public T? Find(in IpBits address) => address.IsV4 ? _v4.Find(address.V4) : _v6.Find(address.Value);

    private readonly record struct Entry<TKey>(TKey First, TKey Last, int PrefixLen, T Value);

    [SuppressMessage("Performance", "CA1815:Override equals and operator equals on value types", Justification = "Never compared.")]
    private readonly struct Runs<TKey>
        where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
    {
        private readonly TKey[] _firsts;
        private readonly T?[] _values;

        private Runs(TKey[] firsts, T?[] values) => (_firsts, _values) = (firsts, values);

        public T? Find(TKey key)
        {
            var firsts = _firsts;
            int low = 0, high = firsts.Length;
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (firsts[middle] <= key)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            return low == 0 ? null : _values[low - 1];
        }

        public static Runs<TKey> Build(List<Entry<TKey>> entries)
        {
            // Outer ranges come before the ones within them.
            entries.Sort((a, b) => a.First.CompareTo(b.First) is var order and not 0 ? order : a.PrefixLen.CompareTo(b.PrefixLen));
            var firsts = new List<TKey>();
            var values = new List<T?>();
            var open = new Stack<Entry<TKey>>();
            foreach (var entry in entries)
            {
                CloseBefore(entry.First);
                if (open.TryPeek(out var outer) && outer.First == entry.First && outer.PrefixLen == entry.PrefixLen)
                {
                    throw new ArgumentException("A range occurs twice.", nameof(entries));
                }

                open.Push(entry);
                Begin(entry.First, entry.Value);
            }

            while (open.Count > 0)
            {
                CloseInnermost();
            }

            return new([.. firsts], [.. values]);

            void CloseBefore(TKey first)
            {
                while (open.TryPeek(out var inner) && inner.Last < first)
                {
                    CloseInnermost();
                }
            }

            void CloseInnermost()
            {
                var inner = open.Pop();
                if (inner.Last != TKey.MaxValue)
                {
                    Begin(inner.Last + TKey.One, open.TryPeek(out var outer) ? outer.Value : null);
                }
            }

            void Begin(TKey first, T? value)
            {
                if (firsts.Count > 0 && firsts[^1] == first)
                {
                    values[^1] = value;
                }
                else
                {
                    firsts.Add(first);
                    values.Add(value);
                }
            }
        }
    }
}
