namespace MeshProxy.Http.Codecs.Http2;

/// <summary>How a stream came to be closed, which decides what its late frames mean (RFC 9113 section 5.1).</summary>
internal enum Http2Closed : byte
{
    /// <summary>Never opened, or closed so long ago that nobody knows.</summary>
    Unknown,

    /// <summary>Both ends finished.</summary>
    Ended,

    /// <summary>We reset it: what was on its way is ignored.</summary>
    ResetByUs,

    ResetByPeer,
}

/// <summary>
/// The last streams that were closed: a ring. It grows, to a limit, rather than forget a stream that we have reset, because for
/// that one late frames are legal.
/// </summary>
internal sealed class Http2ClosedStreams
{
    private const int InitialRecords = 16;
    private const int UsualRecords = 64;
    private const int MaxRecords = 2048;

    private uint[] _ids = [];
    private Http2Closed[] _how = [];
    private int _next;
    private int _count;

    public void Add(uint id, Http2Closed how)
    {
        if (_count == _ids.Length && (_count < UsualRecords || (_count < MaxRecords && _how[_next] == Http2Closed.ResetByUs)))
        {
            var size = Math.Max(InitialRecords, _count * 2);
            Array.Resize(ref _ids, size);
            Array.Resize(ref _how, size);
            _next = _count;
        }

        _ids[_next] = id;
        _how[_next] = how;
        _next = (_next + 1) & (_ids.Length - 1);
        _count = Math.Min(_count + 1, _ids.Length);
    }

    public Http2Closed Find(uint id)
    {
        var place = _ids.AsSpan(0, _count).LastIndexOf(id);
        return place < 0 ? Http2Closed.Unknown : _how[place];
    }

    /// <summary>We have reset it now, after all.</summary>
    public void MarkResetByUs(uint id)
    {
        var place = _ids.AsSpan(0, _count).LastIndexOf(id);
        if (place < 0)
        {
            Add(id, Http2Closed.ResetByUs);
        }
        else
        {
            _how[place] = Http2Closed.ResetByUs;
        }
    }
}
