using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Makes request ids: random UUIDs (RFC 9562 version 4) as 36 lower-case characters.</summary>
/// <remarks>
/// One for each thread. Random bytes are drawn 4 KiB at a time: a call to the system's generator costs more than all the rest of what the
/// connection manager does to a request.
/// </remarks>
internal sealed class RequestIds
{
    /// <summary>The length of an id.</summary>
    public const int Length = 36;

    private const int BytesPerId = 16;

    [ThreadStatic]
    private static RequestIds? t_current;

    private readonly byte[] _random = new byte[4096];
    private int _used = 4096;

    /// <summary>The current thread's.</summary>
    public static RequestIds Current => t_current ??= new RequestIds();

    /// <summary>Writes an id.</summary>
    [SkipLocalsInit]
    public void Write(Span<byte> into)
    {
        if (_used == _random.Length)
        {
            RandomNumberGenerator.Fill(_random);
            _used = 0;
        }

        // The version, 4, and the variant, binary 10.
        var bytes = (Vector128.Create<byte>(_random, _used)
                & Vector128.Create((byte)255, 255, 255, 255, 255, 255, 0x0F, 255, 0x3F, 255, 255, 255, 255, 255, 255, 255))
            | Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0);
        _used += BytesPerId;
        Span<byte> hex = stackalloc byte[2 * BytesPerId];
        ToHex(Vector128.WidenLower(bytes)).CopyTo(hex);
        ToHex(Vector128.WidenUpper(bytes)).CopyTo(hex[16..]);
        into = into[..Length];
        hex[..8].CopyTo(into);
        into[8] = (byte)'-';
        hex[8..12].CopyTo(into[9..]);
        into[13] = (byte)'-';
        hex[12..16].CopyTo(into[14..]);
        into[18] = (byte)'-';
        hex[16..20].CopyTo(into[19..]);
        into[23] = (byte)'-';
        hex[20..].CopyTo(into[24..]);
    }

    /// <summary>Eight bytes, one in each lane, as sixteen hexadecimal digits.</summary>
    private static Vector128<byte> ToHex(Vector128<ushort> bytes)
    {
        // The high half goes to the lane's first byte in memory, the low half to its second.
        var digits = (Vector128.ShiftRightLogical(bytes, 4) | Vector128.ShiftLeft(bytes, 8)) & Vector128.Create((ushort)0x0F0F);
        return Vector128.Shuffle(Vector128.Create("0123456789abcdef"u8), digits.AsByte());
    }
}
