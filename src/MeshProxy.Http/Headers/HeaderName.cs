using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace MeshProxy.Http.Headers;

/// <summary>A header's name: a token, compared without regard to case (RFC 9110 section 5.1).</summary>
/// <remarks>
/// Immutable and safe on any thread. Those of <see cref="HeaderNames"/> cost nothing. One that is made from a string is
/// checked and looked up in a table: keep it in a static field rather than converting it for each request.
/// </remarks>
public readonly struct HeaderName : IEquatable<HeaderName>
{
    // Beyond this many, names are made afresh each time: a caller that converts names it was sent must not grow the table forever.
    private const int MaxInterned = 4096;

    private static readonly ConcurrentDictionary<string, HeaderName> s_interned = new();

    private readonly byte[]? _custom;

    internal HeaderName(HeaderId id)
    {
        Id = id;
    }

    private HeaderName(byte[] lower)
    {
        _custom = lower;
    }

    /// <summary>The number of a well-known name, else <see cref="HeaderId.None"/>.</summary>
    public HeaderId Id { get; }

    /// <summary>The name in lower case.</summary>
    public ReadOnlySpan<byte> Bytes => _custom ?? HeaderTable.Name(Id);

    /// <summary>Makes a name of a string in any case.</summary>
    /// <exception cref="ArgumentException">It is empty or holds something that is not a token character.</exception>
    public static HeaderName Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (s_interned.TryGetValue(name, out var known))
        {
            return known;
        }

        if (!TryCreate(Encoding.UTF8.GetBytes(name), out var made))
        {
            throw new ArgumentException($"'{name}' is not a header name: it must be letters, digits and any of !#$%&'*+-.^_`|~", nameof(name));
        }

        if (s_interned.Count < MaxInterned)
        {
            s_interned.TryAdd(name, made);
        }

        return made;
    }

    public static implicit operator HeaderName(string name) => Parse(name);

    public static bool operator ==(HeaderName left, HeaderName right) => left.Equals(right);

    public static bool operator !=(HeaderName left, HeaderName right) => !left.Equals(right);

    /// <summary>Makes a name of bytes in any case; false if they are not a token.</summary>
    internal static bool TryCreate(ReadOnlySpan<byte> name, out HeaderName made)
    {
        made = default;
        if (!HeaderBytes.IsToken(name))
        {
            return false;
        }

        var id = HeaderTable.Find(name);
        if (id != HeaderId.None)
        {
            made = new HeaderName(id);
            return true;
        }

        var lower = name.ToArray();
        for (var i = 0; i < lower.Length; i++)
        {
            lower[i] = HeaderBytes.ToLower(lower[i]);
        }

        made = new HeaderName(lower);
        return true;
    }

    public bool Equals(HeaderName other) => Id == other.Id && Bytes.SequenceEqual(other.Bytes);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is HeaderName other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>The name in lower case.</summary>
    public override string ToString() => Encoding.ASCII.GetString(Bytes);
}
