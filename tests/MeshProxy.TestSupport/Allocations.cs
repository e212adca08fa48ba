namespace MeshProxy.TestSupport;

/// <summary>What counting a thread's allocations can and cannot tell.</summary>
public static class Allocations
{
    /// <summary>
    /// The runtime hands memory to threads in pieces of 8 KiB, and a collection that another test causes can count a rest twice. A test that repeats its
    /// work a thousand times still sees a single object of 24 bytes in it.
    /// </summary>
    public const long Noise = 16 * 1024;
}
