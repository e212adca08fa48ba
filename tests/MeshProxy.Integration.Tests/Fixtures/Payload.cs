namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>A body of any length whose bytes depend on their place, so that a lost, doubled or displaced part is seen.</summary>
internal static class Payload
{
    /// <summary>A prime, so that the pattern fits no buffer size.</summary>
    private const int Period = 65_521;

    private static readonly byte[] Pattern = CreatePattern();

    public static byte[] Create(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i += Period)
        {
            Pattern.AsSpan(0, Math.Min(Period, length - i)).CopyTo(bytes.AsSpan(i));
        }

        return bytes;
    }

    public static async Task WriteAsync(Stream to, long length, CancellationToken cancellation = default)
    {
        for (long sent = 0; sent < length; sent += Period)
        {
            await to.WriteAsync(Pattern.AsMemory(0, (int)Math.Min(Period, length - sent)), cancellation);
        }
    }

    /// <summary>Reads to the end and says how many bytes came; fails at the first that is wrong.</summary>
    public static async Task<long> VerifyAsync(Stream from, CancellationToken cancellation = default)
    {
        var buffer = new byte[256 * 1024];
        long total = 0;
        int count;
        while ((count = await from.ReadAsync(buffer, cancellation)) > 0)
        {
            for (var i = 0; i < count;)
            {
                var at = (int)((total + i) % Period);
                var part = Math.Min(count - i, Period - at);
                buffer.AsSpan(i, part).SequenceEqual(Pattern.AsSpan(at, part)).ShouldBeTrue($"wrong bytes from {total + i} on");
                i += part;
            }

            total += count;
        }

        return total;
    }

    private static byte[] CreatePattern()
    {
        var pattern = new byte[Period];
        new Random(1).NextBytes(pattern);
        return pattern;
    }
}
