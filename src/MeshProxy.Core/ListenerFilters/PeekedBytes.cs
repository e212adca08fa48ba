using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.ListenerFilters;

/// <summary>Walks over peeked bytes that stay where they are.</summary>
internal static class PeekedBytes
{
    /// <summary>The next contiguous bytes behind the first <paramref name="offset"/>; empty at the end.</summary>
    public static ReadOnlySpan<byte> SpanAt(IoBuffer buffer, long offset)
    {
        for (var i = 0; i < buffer.SliceCount; i++)
        {
            ref var slice = ref buffer.SliceAt(i);
            if (offset < slice.Length)
            {
                return slice.Slab.Span(slice.Start, slice.Length)[(int)offset..];
            }

            offset -= slice.Length;
        }

        return default;
    }
}
