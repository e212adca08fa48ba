using System.Diagnostics;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Joins the pieces into which a client may cut its Cookie header (RFC 9113 section 8.2.3).</summary>
/// <remarks>A value of the codec's stack. Whoever has added something releases it.</remarks>
internal struct CookieCrumbs
{
    private Slab? _joined;

    public readonly bool IsEmpty => _joined is null;

    /// <summary>The pieces, a semicolon and a space between them. Valid until <see cref="Release"/>.</summary>
    public readonly ReadOnlySpan<byte> Value => _joined is { } joined ? joined.Span(0, joined.Filled) : default;

    /// <summary>One of the pieces came as never indexed.</summary>
    public bool NeverIndexed { get; private set; }

    public void Add(ReadOnlySpan<byte> crumb, bool neverIndexed, SlabPool slabs)
    {
        NeverIndexed |= neverIndexed;
        if (_joined is not { } joined)
        {
            joined = slabs.Rent(crumb.Length);
        }
        else
        {
            var needed = joined.Filled + 2 + crumb.Length;
            if (needed > joined.Size)
            {
                var larger = slabs.Rent(needed);
                joined.Span(0, joined.Filled).CopyTo(larger.Array);
                larger.Filled = joined.Filled;
                joined.Release();
                joined = larger;
            }

            "; "u8.CopyTo(joined.Array.AsSpan(joined.Filled));
            joined.Filled += 2;
        }

        crumb.CopyTo(joined.Array.AsSpan(joined.Filled));
        joined.Filled += crumb.Length;
        _joined = joined;
        Debug.Assert(joined.Filled <= SlabPool.MaxSlabBytes, "the crumbs count 32 bytes each, and the list ends below one slab");
    }

    public void Release()
    {
        _joined?.Release();
        _joined = null;
    }
}
