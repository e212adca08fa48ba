namespace MeshProxy.Http.Headers;

/// <summary>Checks a host with an optional port (RFC 9110 section 7.2, RFC 3986 section 3.2.2).</summary>
internal static unsafe class AuthoritySyntax
{
    /// <summary>A name in DNS has 253 characters at most. Header maps take far more, but not a whole head of 60 KiB.</summary>
    public const int MaxLength = 8 * 1024;

    private const int MaxPort = 65535;

    /// <summary>Whether it is well-formed: a name, an IPv4 address or an IPv6 address in brackets, then maybe a port.</summary>
    public static bool IsValid(ReadOnlySpan<byte> authority, bool portRequired)
    {
        fixed (byte* p = authority)
        {
            if (authority.IsEmpty || authority.Length > MaxLength || HeaderBytes.IndexOfNonHost(p, authority.Length, authority.Length) != authority.Length)
            {
                return false;
            }
        }

        var colon = authority.IndexOf((byte)':');
        if (authority[0] == '[')
        {
            var close = authority.IndexOf((byte)']');
            if (close < 3 || authority[1..close].ContainsAnyExcept("0123456789abcdefABCDEF:."u8))
            {
                return false;
            }

            colon = close + 1 < authority.Length ? close + 1 : -1;
        }
        else if (authority.ContainsAny((byte)'[', (byte)']') || colon == 0)
        {
            return false;
        }

        if (colon < 0)
        {
            return !portRequired;
        }

        return authority[colon] == ':' && IsPort(authority[(colon + 1)..], portRequired);
    }

    private static bool IsPort(ReadOnlySpan<byte> digits, bool required)
    {
        // "host:" is legal (RFC 3986 section 3.2.3).
        if (digits.IsEmpty)
        {
            return !required;
        }

        var port = 0;
        foreach (var b in digits)
        {
            if (b is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            port = (port * 10) + (b - '0');
            if (port > MaxPort)
            {
                return false;
            }
        }

        return true;
    }
}
