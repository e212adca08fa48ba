using System.Numerics;
using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Stats;

/// <summary>
/// Log-linear buckets: the values below 128 have one each, and every power of two above is cut into 64. A bucket's middle is at most 0.8 % off
/// the values in it. Each power of two is allocated when its first value comes.
/// </summary>
internal sealed class HistogramBuckets
{
    public const int SubBuckets = 64;
    private const int SubBits = 6;

    // Row 0: 0..63; row r: 64 << (r - 1) and up. The largest long stands in row 57.
    private const int Rows = 58;

    private readonly long[]?[] _rows = new long[]?[Rows];
    private long _sum;

    public long Sum => Volatile.Read(ref _sum);

    /// <summary>For the one thread that owns these buckets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Record(long value)
    {
        var (row, column) = Locate(value);
        (_rows[row] ?? AddRow(row))[column]++;
        _sum += value;
    }

    /// <summary>For threads that share these buckets.</summary>
    public void RecordInterlocked(long value)
    {
        var (row, column) = Locate(value);
        Interlocked.Increment(ref (Volatile.Read(ref _rows[row]) ?? AddRow(row))[column]);
        Interlocked.Add(ref _sum, value);
    }

    /// <summary>Adds what another thread has counted so far (or, with -1, takes it away).</summary>
    public void Merge(HistogramBuckets other, int sign = 1)
    {
        for (var row = 0; row < Rows; row++)
        {
            if (Volatile.Read(ref other._rows[row]) is { } from)
            {
                var into = _rows[row] ?? AddRow(row);
                for (var i = 0; i < SubBuckets; i++)
                {
                    into[i] += sign * Volatile.Read(ref from[i]);
                }
            }
        }

        _sum += sign * other.Sum;
    }

    public long Count()
    {
        long count = 0;
        foreach (var row in _rows)
        {
            if (row is not null)
            {
                foreach (var n in row)
                {
                    count += n;
                }
            }
        }

        return count;
    }

    /// <summary>The value that a share of all values is at or below, interpolated within its bucket. NaN without values.</summary>
    public double Quantile(double quantile, long count)
    {
        if (count == 0)
        {
            return double.NaN;
        }

        // The rank-th smallest value, from 1.
        var rank = Math.Clamp(quantile * count, 1, count);
        long below = 0;
        for (var row = 0; row < Rows; row++)
        {
            if (_rows[row] is not { } columns)
            {
                continue;
            }

            for (var i = 0; i < SubBuckets; i++)
            {
                var n = columns[i];
                if (n > 0 && below + n >= rank)
                {
                    return LowerBound(row, i) + ((Width(row) - 1) * ((rank - below) / n));
                }

                below += n;
            }
        }

        return double.NaN;
    }

    /// <summary>How many values are at or below a bound; a bucket that the bound cuts counts in proportion.</summary>
    public long CountAtOrBelow(long bound)
    {
        if (bound < 0)
        {
            return 0;
        }

        var (atRow, atColumn) = Locate(bound);
        long count = 0;
        for (var row = 0; row <= atRow; row++)
        {
            if (_rows[row] is { } columns)
            {
                for (var i = 0; i < (row == atRow ? atColumn : SubBuckets); i++)
                {
                    count += columns[i];
                }
            }
        }

        var cut = _rows[atRow]?[atColumn] ?? 0;
        return count + (long)Math.Round(cut * ((bound - LowerBound(atRow, atColumn) + 1) / Width(atRow)));
    }

    private static double LowerBound(int row, int column) => row == 0 ? column : (double)(SubBuckets + column) * Width(row);

    private static double Width(int row) => row == 0 ? 1 : 1L << (row - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int Row, int Column) Locate(long value)
    {
        if (value < SubBuckets)
        {
            // A negative duration (a clock that was set back) counts as zero.
            return (0, value < 0 ? 0 : (int)value);
        }

        var shift = BitOperations.Log2((ulong)value) - SubBits;
        return (shift + 1, (int)(value >> shift) & (SubBuckets - 1));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long[] AddRow(int row)
    {
        var fresh = new long[SubBuckets];
        return Interlocked.CompareExchange(ref _rows[row], fresh, null) ?? fresh;
    }
}
