using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// One byte for each name that HPACK treats by number: a <see cref="HeaderId"/> below 128, then the pseudo-headers, then
/// the names of the static table that the engine does not know otherwise. Zero is any other name.
/// </summary>
internal static class HpackNames
{
    public const byte FirstPseudo = 128;
    public const byte Authority = 128;
    public const byte Method = 129;
    public const byte Path = 130;
    public const byte Scheme = 131;
    public const byte Status = 132;
    public const byte Protocol = 133;
    public const byte LastPseudo = Protocol;
    public const byte From = 134;
    public const byte Link = 135;
    public const byte Refresh = 136;

    private static readonly byte[][] s_others =
    [
        ":authority"u8.ToArray(), ":method"u8.ToArray(), ":path"u8.ToArray(), ":scheme"u8.ToArray(), ":status"u8.ToArray(), ":protocol"u8.ToArray(),
        "from"u8.ToArray(), "link"u8.ToArray(), "refresh"u8.ToArray(),
    ];

    public static byte Code(HpackPseudo pseudo) => (byte)(FirstPseudo + pseudo - 1);

    /// <summary>The name of a code other than zero.</summary>
    public static ReadOnlySpan<byte> Bytes(byte code) => code < FirstPseudo ? HeaderTable.Name((HeaderId)code) : s_others[code - FirstPseudo];

    /// <summary>The code of a name of any bytes. Only the exact lower-case name has one.</summary>
    public static byte Find(ReadOnlySpan<byte> name)
    {
        if (name.Length < 2)
        {
            return 0;
        }

        if (name[0] == (byte)':')
        {
            return FindOther(name);
        }

        // The table folds case, and takes some bytes that are not token characters for others: hence the second look.
        var id = HeaderTable.Find(name);
        if (id != HeaderId.None)
        {
            return name.SequenceEqual(HeaderTable.Name(id)) ? (byte)id : (byte)0;
        }

        return name.Length is 4 or 7 ? FindOther(name) : (byte)0;
    }

    private static byte FindOther(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < s_others.Length; i++)
        {
            if (name.SequenceEqual(s_others[i]))
            {
                return (byte)(FirstPseudo + i);
            }
        }

        return 0;
    }
}
