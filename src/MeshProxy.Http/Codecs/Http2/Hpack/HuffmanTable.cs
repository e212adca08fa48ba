using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// The Huffman code (RFC 7541 appendix B). It is a canonical one (codes of a length follow one another in the order of
/// their symbols, and a longer code follows the last shorter one), so the lengths say everything.
/// </summary>
internal static unsafe class HuffmanTable
{
    public const int EndOfString = 256;
    public const int MaxBits = 30;
    public const int MinBits = 5;

    /// <summary>How many bits of the input one look into <see cref="Steps"/> takes in. The codes that are longer are rare.</summary>
    public const int StepBits = 12;

    /// <summary>For each byte its code and, in the low 8 bits, the code's length.</summary>
    public static readonly ulong* Codes;

    /// <summary>For each 12 bits: first symbol, second symbol (8 bits each), bits taken (8), symbols (8). No symbols: a longer code.</summary>
    public static readonly uint* Steps;

    /// <summary>For each length: the first code behind those of that length, at the top of 32 bits.</summary>
    public static readonly ulong* Limits;

    /// <summary>For each length: what to add to a code of it for its place in <see cref="Symbols"/>.</summary>
    public static readonly int* Offsets;

    /// <summary>The symbols by length, then by value.</summary>
    public static readonly ushort* Symbols;

    static HuffmanTable()
    {
        Codes = Pinned<ulong>(256);
        Steps = Pinned<uint>(1 << StepBits);
        Limits = Pinned<ulong>(MaxBits + 1);
        Offsets = Pinned<int>(MaxBits + 1);
        Symbols = Pinned<ushort>(257);
        AssignCodes();
        for (var step = 0u; step < 1 << StepBits; step++)
        {
            Steps[step] = BuildStep(step << (32 - StepBits));
        }
    }

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>The symbol at the top of 32 bits, and its length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SymbolAt(uint bits, int from, out int length)
    {
        length = from;
        while (bits >= Limits[length])
        {
            length++;
        }

        return Symbols[(int)(bits >> (32 - length)) + Offsets[length]];
    }

    private static void AssignCodes()
    {
        var code = 0u;
        var place = 0;
        for (var length = 1; length <= MaxBits; length++)
        {
            code <<= 1;
            Offsets[length] = place - (int)code;
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] != length)
                {
                    continue;
                }

                if (symbol != EndOfString)
                {
                    Codes[symbol] = ((ulong)code << 8) | (uint)length;
                }

                Symbols[place++] = (ushort)symbol;
                code++;
            }

            Limits[length] = (ulong)code << (32 - length);
        }
    }

    private static uint BuildStep(uint bits)
    {
        var first = SymbolAt(bits, 1, out var firstLength);
        if (firstLength > StepBits)
        {
            return 0;
        }

        var second = SymbolAt(bits << firstLength, 1, out var secondLength);
        return firstLength + secondLength > StepBits
            ? (uint)(first | (firstLength << 16) | (1 << 24))
            : (uint)(first | (second << 8) | ((firstLength + secondLength) << 16) | (2 << 24));
    }

    private static T* Pinned<T>(int count)
        where T : unmanaged => (T*)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(Keep(GC.AllocateArray<T>(count, pinned: true))));

    private static readonly List<Array> s_kept = [];

    private static T[] Keep<T>(T[] array)
    {
        s_kept.Add(array);
        return array;
    }
}
