using System.Buffers;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Room for one decoded string: on the stack, or rented if the string is long.</summary>
internal ref struct HpackScratch(Span<byte> room)
{
    private Span<byte> _room = room;
    private byte[]? _rented;

    public Span<byte> Get(int bytes)
    {
        if (bytes > _room.Length)
        {
            Release();
            _rented = ArrayPool<byte>.Shared.Rent(bytes);
            _room = _rented;
        }

        return _room;
    }

    public ReadOnlySpan<byte> Copy(ReadOnlySpan<byte> bytes)
    {
        var room = Get(bytes.Length);
        bytes.CopyTo(room);
        return room[..bytes.Length];
    }

    public void Release()
    {
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
            _rented = null;
            _room = default;
        }
    }
}
