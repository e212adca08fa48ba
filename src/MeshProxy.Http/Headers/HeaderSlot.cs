namespace MeshProxy.Http.Headers;

/// <summary>Where a header's line stands: offsets into the received head or into a slab of the map's arena. 12 bytes.</summary>
internal struct HeaderSlot
{
    /// <summary>From the head's first byte, or from the arena slab's.</summary>
    public ushort NameStart;
    public ushort NameLength;
    public ushort ValueStart;
    public ushort ValueLength;

    /// <summary>0: the received head; else one more than the index of an arena slab.</summary>
    public byte Block;
    public HeaderId Id;
    public HeaderSlotFlags Flags;

    /// <summary>From the name's first byte to the line feed, for a slot with <see cref="HeaderSlotFlags.WholeLine"/>.</summary>
    public readonly int LineLength => ValueStart + ValueLength + 2 - NameStart;
}

[Flags]
internal enum HeaderSlotFlags : byte
{
    None = 0,

    /// <summary>Taken out; the slot is kept so that the others keep their order and number.</summary>
    Removed = 1,

    /// <summary>The memory holds "name: value CR LF" in a piece: it can be sent as it stands.</summary>
    WholeLine = 2,

    /// <summary>Came as never to be indexed by HPACK, and leaves so (RFC 7541 section 6.2.3), also when the value was changed: it may still hold the secret.</summary>
    NeverIndexed = 4,
}

/// <summary>A header while enumerating. Its spans are valid until the map changes or the next await.</summary>
public readonly ref struct HeaderEntry
{
    internal HeaderEntry(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Id = id;
        Name = name;
        Value = value;
    }

    /// <summary>The number of a well-known name, else <see cref="HeaderId.None"/>.</summary>
    public HeaderId Id { get; }

    /// <summary>The name as it was received or set, in its own case.</summary>
    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Value { get; }
}
