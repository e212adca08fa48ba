using System.Numerics;

namespace MeshProxy.Core.Streams;

/// <summary>The strings of <see cref="ResponseFlags"/>.</summary>
public static class ResponseFlagsExtensions
{
    // By bit.
    private static readonly string[] Short =
    [
        "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
        "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
    ];

    private static readonly string[] Long = MakeLong();

    /// <summary>Envoy's short string: "UH"; "UF,URX" for several (allocates); "-" for none.</summary>
    public static string ToShortString(this ResponseFlags flags) => ToString(flags, Short);

    /// <summary>Envoy's long string: "NoHealthyUpstream"; joined by commas for several (allocates); "-" for none.</summary>
    public static string ToLongString(this ResponseFlags flags) => ToString(flags, Long);

    /// <summary>Reads one short string, such as "UH".</summary>
    public static bool TryParseShort(string text, out ResponseFlags flag)
    {
        var index = Array.IndexOf(Short, text);
        flag = index < 0 ? ResponseFlags.None : (ResponseFlags)(1UL << index);
        return index >= 0;
    }

    /// <summary>The short string of the lowest flag, and the flags without it. For writers that must not allocate.</summary>
    internal static string TakeLowest(this ref ResponseFlags flags, bool useLong = false)
    {
        var bits = (ulong)flags;
        flags = (ResponseFlags)(bits & (bits - 1));
        return (useLong ? Long : Short)[BitOperations.TrailingZeroCount(bits)];
    }

    private static string ToString(ResponseFlags flags, string[] names)
    {
        var bits = (ulong)flags;
        if (bits == 0)
        {
            return "-";
        }

        if (BitOperations.IsPow2(bits))
        {
            return names[BitOperations.TrailingZeroCount(bits)];
        }

        var parts = new List<string>();
        for (; bits != 0; bits &= bits - 1)
        {
            parts.Add(names[BitOperations.TrailingZeroCount(bits)]);
        }

        return string.Join(',', parts);
    }

    private static string[] MakeLong()
    {
        var names = new string[Short.Length];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = ((ResponseFlags)(1UL << i)) switch
            {
                ResponseFlags.OverloadManager => "OverloadManagerTerminated",
                var flag => flag.ToString(),
            };
        }

        return names;
    }
}
