using System.Buffers.Text;

namespace MeshProxy.Http.Codecs.Grpc;

/// <summary>The value of <c>grpc-timeout</c>: at most eight digits and a unit (gRPC over HTTP/2, "Requests").</summary>
internal static class GrpcTimeout
{
    /// <summary>The longest value that <see cref="Format"/> writes.</summary>
    public const int MaxLength = 9;

    private const int MaxDigits = 8;
    private const long MaxValue = 99_999_999;

    /// <summary>The time in milliseconds, parts of one rounded up. False if the value is malformed; it is then to be ignored.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out long milliseconds)
    {
        milliseconds = 0;
        if (value.Length is < 2 or > MaxDigits + 1)
        {
            return false;
        }

        long number = 0;
        foreach (var digit in value[..^1])
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            number = (number * 10) + (digit - '0');
        }

        milliseconds = value[^1] switch
        {
            (byte)'H' => number * 3_600_000,
            (byte)'M' => number * 60_000,
            (byte)'S' => number * 1000,
            (byte)'m' => number,
            (byte)'u' => (number + 999) / 1000,
            (byte)'n' => (number + 999_999) / 1_000_000,
            _ => -1,
        };
        return milliseconds >= 0;
    }

    /// <summary>Writes a time in the finest unit that eight digits hold, milliseconds or coarser, and returns the length.</summary>
    public static int Format(long milliseconds, Span<byte> into)
    {
        var (number, unit) = milliseconds <= MaxValue ? (milliseconds, 'm')
            : milliseconds / 1000 <= MaxValue ? (milliseconds / 1000, 'S')
            : milliseconds / 60_000 <= MaxValue ? (milliseconds / 60_000, 'M')
            : (Math.Min(milliseconds / 3_600_000, MaxValue), 'H');
        Utf8Formatter.TryFormat(number, into, out var length);
        into[length] = (byte)unit;
        return length + 1;
    }
}
