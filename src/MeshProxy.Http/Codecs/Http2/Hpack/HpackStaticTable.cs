namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>The static table (RFC 7541 appendix A).</summary>
internal static class HpackStaticTable
{
    /// <summary>The last static index; the dynamic table begins behind it.</summary>
    public const int Count = 61;

    private static readonly Entry[] s_entries = Build();

    // For each name's code its first index, or zero.
    private static readonly byte[] s_firstIndex = BuildFirst();

    internal readonly struct Entry(byte code, byte[] name, byte[] value)
    {
        public byte[] Name { get; } = name;

        public byte[] Value { get; } = value;

        public byte Code { get; } = code;
    }

    /// <summary>The entry of an index from 1 to <see cref="Count"/>.</summary>
    public static ref readonly Entry At(int index) => ref s_entries[index];

    /// <summary>The lowest index with a name; zero if the table does not have it.</summary>
    public static int IndexOf(byte code) => s_firstIndex[code];

    /// <summary>The index of a name with a value; zero if the table does not have the two together.</summary>
    public static int IndexOf(byte code, int first, ReadOnlySpan<byte> value)
    {
        for (var i = first; i <= Count && s_entries[i].Code == code; i++)
        {
            if (value.SequenceEqual(s_entries[i].Value))
            {
                return i;
            }
        }

        return 0;
    }

    private static Entry[] Build()
    {
        var lines = """
            :authority
            :method GET
            :method POST
            :path /
            :path /index.html
            :scheme http
            :scheme https
            :status 200
            :status 204
            :status 206
            :status 304
            :status 400
            :status 404
            :status 500
            accept-charset
            accept-encoding gzip, deflate
            accept-language
            accept-ranges
            accept
            access-control-allow-origin
            age
            allow
            authorization
            cache-control
            content-disposition
            content-encoding
            content-language
            content-length
            content-location
            content-range
            content-type
            cookie
            date
            etag
            expect
            expires
            from
            host
            if-match
            if-modified-since
            if-none-match
            if-range
            if-unmodified-since
            last-modified
            link
            location
            max-forwards
            proxy-authenticate
            proxy-authorization
            range
            referer
            refresh
            retry-after
            server
            set-cookie
            strict-transport-security
            transfer-encoding
            user-agent
            vary
            via
            www-authenticate
            """.Split('\n');
        var entries = new Entry[Count + 1];
        for (var i = 1; i <= Count; i++)
        {
            var parts = lines[i - 1].Split(' ', 2);
            var name = System.Text.Encoding.ASCII.GetBytes(parts[0]);
            var value = parts.Length < 2 ? [] : System.Text.Encoding.ASCII.GetBytes(parts[1]);
            entries[i] = new Entry(HpackNames.Find(name), name, value);
        }

        return entries;
    }

    private static byte[] BuildFirst()
    {
        var first = new byte[256];
        for (var i = Count; i > 0; i--)
        {
            first[s_entries[i].Code] = (byte)i;
        }

        return first;
    }
}
