using System.Runtime.InteropServices;

namespace MeshProxy.Http.Routing;

/// <summary>A prefix of paths and the number that stands for it.</summary>
/// <param name="Separated">Whether the path must end after it or go on with a slash (Envoy: <c>path_separated_prefix</c>).</param>
internal readonly record struct TriePrefix(byte[] Bytes, int Index, bool Separated = false);

/// <summary>Finds the lowest number among all prefixes that a byte string has: a compressed trie, in flat arrays.</summary>
/// <remarks>
/// Immutable after the constructor, safe from any thread. A lookup allocates nothing and takes time in the length of the string, however
/// many prefixes there are. The children of a node stand side by side, and so do their first bytes, which one vectorised
/// search goes over.
/// </remarks>
internal sealed class PathTrie
{
    /// <summary>No prefix fits.</summary>
    public const int None = int.MaxValue;

    private readonly Node[] _nodes;
    private readonly byte[] _firstBytes;
    private readonly byte[] _labels;

    public PathTrie(IEnumerable<TriePrefix> prefixes)
    {
        var builder = new Builder([.. prefixes]);
        builder.Build();
        _nodes = [.. builder.Nodes];
        _firstBytes = [.. builder.FirstBytes];
        _labels = [.. builder.Labels];
        MaxPrefixLength = builder.MaxPrefixLength;
    }

    /// <summary>No lookup reads more than one byte beyond this.</summary>
    public int MaxPrefixLength { get; }

    public bool IsEmpty => _nodes[0].LowestBelow == None;

    /// <returns>The lowest number that is lower than <paramref name="best"/>, else <paramref name="best"/>.</returns>
    public int FindLowest(ReadOnlySpan<byte> path, int best = None)
    {
        var nodes = _nodes;
        var index = 0;
        while (true)
        {
            ref readonly var node = ref nodes[index];
            if (node.LowestBelow >= best)
            {
                return best;
            }

            if (node.LabelLength != 0)
            {
                if (!path.StartsWith(_labels.AsSpan(node.LabelStart, node.LabelLength)))
                {
                    return best;
                }

                path = path[node.LabelLength..];
            }

            best = Math.Min(best, node.Prefix);
            if (node.Separated < best && (path.IsEmpty || path[0] == '/'))
            {
                best = node.Separated;
            }

            if (path.IsEmpty || node.ChildCount == 0)
            {
                return best;
            }

            var child = _firstBytes.AsSpan(node.FirstChild, node.ChildCount).IndexOf(path[0]);
            if (child < 0)
            {
                return best;
            }

            index = node.FirstChild + child;
            path = path[1..];
        }
    }

    private struct Node
    {
        // The bytes after the first one, which stands in _firstBytes.
        public int LabelStart;
        public int LabelLength;
        public int FirstChild;
        public int ChildCount;
        public int Prefix;
        public int Separated;

        /// <summary>The lowest number here and further down.</summary>
        public int LowestBelow;
    }

    private sealed class Builder(TriePrefix[] prefixes)
    {
        public List<Node> Nodes { get; } = [];

        public List<byte> FirstBytes { get; } = [];

        public List<byte> Labels { get; } = [];

        public int MaxPrefixLength => prefixes.Length == 0 ? 0 : prefixes.Max(p => p.Bytes.Length);

        public void Build()
        {
            Array.Sort(prefixes, (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
            var open = new Queue<(int Node, int From, int To, int Depth)>();
            Nodes.Add(default);
            FirstBytes.Add(0);
            open.Enqueue((0, 0, prefixes.Length, 0));
            while (open.TryDequeue(out var at))
            {
                var node = new Node { Prefix = None, Separated = None, LowestBelow = None, LabelStart = Labels.Count };
                var next = at.From;
                var depth = at.Depth;
                if (at.From < at.To)
                {
                    // Sorted: what the first and the last share, all share.
                    var first = prefixes[at.From].Bytes.AsSpan(depth);
                    node.LabelLength = first.CommonPrefixLength(prefixes[at.To - 1].Bytes.AsSpan(depth));
                    Labels.AddRange(first[..node.LabelLength]);
                    depth += node.LabelLength;
                    for (var i = at.From; i < at.To; i++)
                    {
                        node.LowestBelow = Math.Min(node.LowestBelow, prefixes[i].Index);
                    }

                    for (; next < at.To && prefixes[next].Bytes.Length == depth; next++)
                    {
                        ref var own = ref prefixes[next].Separated ? ref node.Separated : ref node.Prefix;
                        own = Math.Min(own, prefixes[next].Index);
                    }
                }

                node.FirstChild = Nodes.Count;
                while (next < at.To)
                {
                    var from = next;
                    var firstByte = prefixes[from].Bytes[depth];
                    while (next < at.To && prefixes[next].Bytes[depth] == firstByte)
                    {
                        next++;
                    }

                    open.Enqueue((Nodes.Count, from, next, depth + 1));
                    Nodes.Add(default);
                    FirstBytes.Add(firstByte);
                }

                node.ChildCount = Nodes.Count - node.FirstChild;
                CollectionsMarshal.AsSpan(Nodes)[at.Node] = node;
            }
        }
    }
}
