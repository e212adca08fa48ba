using System.Runtime.CompilerServices;
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

        var bytes = _random.AsSpan(_used, BytesPerId);
        _used += BytesPerId;
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        Span<byte> hex = stackalloc byte[2 * BytesPerId];
        Convert.TryToHexStringLower(bytes, hex, out _);
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
}
