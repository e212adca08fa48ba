using System.Buffers.Text;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>Holds a response's body to what its head says of it: a client would take anything else for an attack (RFC 9113 section 8.1.1).</summary>
internal struct Http2BodyLength
{
    private const long Unknown = -1;

    /// <summary>Nothing was said of it.</summary>
    public static readonly Http2BodyLength Any = new() { _remaining = Unknown };

    private long _remaining;

    /// <summary>The head ends the message, whatever follows.</summary>
    public bool NoBody { get; private set; }

    /// <summary>Takes a content-length out that cannot stand.</summary>
    /// <param name="endStream">Nothing follows the head.</param>
    /// <param name="toHead">The response is to HEAD.</param>
    public static Http2BodyLength Settle(ResponseHeaders headers, bool endStream, bool toHead)
    {
        var result = Any;
        result.NoBody = endStream || toHead || headers.Status is 204 or 304;
        if (!headers.Contains(HeaderId.ContentLength))
        {
            return result;
        }

        var given = headers.Get(HeaderNames.ContentLength);
        var isNumber = Utf8Parser.TryParse(given, out long length, out var used) && used == given.Length && length >= 0;
        var isWrong = result.NoBody
            ? !toHead && headers.Status != 304 && (length != 0 || headers.Status == 204) // of what does not come
            : !isNumber;
        if (isWrong)
        {
            headers.Remove(HeaderNames.ContentLength);
        }
        else if (!result.NoBody)
        {
            result._remaining = length;
        }

        return result;
    }

    /// <summary>Counts a piece of the body. False: it is too much, or at the end too little.</summary>
    public bool Take(long bytes, bool endStream)
    {
        if (_remaining == Unknown)
        {
            return true;
        }

        _remaining -= bytes;
        return _remaining >= 0 && (!endStream || _remaining == 0);
    }
}
