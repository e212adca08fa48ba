using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>A decoded header. The spans are valid until <see cref="IHpackSink.OnHeader"/> returns.</summary>
/// <remarks>
/// HPACK carries any bytes. If <see cref="Id"/> or <see cref="Pseudo"/> is set, the name is exactly that well-known
/// lower-case name; any other name, and every value, is unchecked.
/// </remarks>
internal readonly ref struct HpackField
{
    private readonly byte _code;

    public HpackField(byte code, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed)
    {
        _code = code;
        Name = name;
        Value = value;
        NeverIndexed = neverIndexed;
    }

    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Value { get; }

    /// <summary>The number of a well-known name; None also for pseudo-headers.</summary>
    public HeaderId Id => _code < HpackNames.FirstPseudo ? (HeaderId)_code : HeaderId.None;

    /// <summary>Which pseudo-header this is.</summary>
    public HpackPseudo Pseudo => _code is >= HpackNames.FirstPseudo and <= HpackNames.LastPseudo ? (HpackPseudo)(_code - HpackNames.FirstPseudo + 1) : HpackPseudo.None;

    /// <summary>Whoever sends this header on must send it as never indexed as well (RFC 7541 section 6.2.3).</summary>
    public bool NeverIndexed { get; }
}
