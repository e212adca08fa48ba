using System.Text;

namespace MeshProxy.Fuzz;

/// <summary>Makes inputs from seeds: flips, cuts, repeats, splices two seeds, puts in pieces of the grammar.</summary>
internal sealed class Mutator(int seed, IReadOnlyList<string> seeds, IReadOnlyList<string> tokens)
{
    private const int MaxBytes = 4096;

    private static readonly byte[] s_interesting = [0, 9, 10, 11, 13, 32, 0x22, 0x23, 0x2C, 0x2D, 0x2F, 0x30, 0x3A, 0x3B, 0x3D, 0x5C, 0x5F, 0x7F, 0x80, 0xA0, 0xFF];

    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        var bytes = new List<byte>(Pick(seeds));
        for (var n = _random.Next(0, 6); n > 0; n--)
        {
            Mutate(bytes);
        }

        if (bytes.Count > MaxBytes)
        {
            bytes.RemoveRange(MaxBytes, bytes.Count - MaxBytes);
        }

        return [.. bytes];
    }

    private void Mutate(List<byte> bytes)
    {
        var at = _random.Next(bytes.Count + 1);
        switch (_random.Next(8))
        {
            case 0 when at < bytes.Count:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 1 when at < bytes.Count:
                bytes[at] = s_interesting[_random.Next(s_interesting.Length)];
                break;
            case 2:
                bytes.Insert(at, s_interesting[_random.Next(s_interesting.Length)]);
                break;
            case 3:
                bytes.RemoveRange(at, Math.Min(_random.Next(1, 9), bytes.Count - at));
                break;
            case 4:
                bytes.InsertRange(at, Pick(tokens));
                break;
            case 5:
                var length = Math.Min(_random.Next(1, 40), bytes.Count - at);
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 6:
                var other = Pick(seeds);
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other[_random.Next(other.Length)..]);
                break;
            case 7 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
        }
    }

    private byte[] Pick(IReadOnlyList<string> from) => Encoding.Latin1.GetBytes(from[_random.Next(from.Count)]);
}
