using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Headers;

/// <summary>The fields that follow a body.</summary>
/// <inheritdoc cref="HeaderMap" path="/remarks"/>
public sealed class HeaderTrailers : HeaderMap
{
    /// <param name="pool">The pool of the current thread's worker; null for a map that is attached later.</param>
    internal HeaderTrailers(SlabPool? pool = null)
        : base(pool)
    {
    }

    private protected override void ClearStartLine()
    {
    }
}
