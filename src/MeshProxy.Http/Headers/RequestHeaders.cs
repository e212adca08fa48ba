using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Headers;

/// <summary>The head of a request: its headers, and what HTTP/2 calls the pseudo-headers.</summary>
/// <inheritdoc cref="HeaderMap" path="/remarks"/>
public sealed class RequestHeaders : HeaderMap
{
    private HeaderPiece _method;
    private HeaderPiece _path;
    private HeaderPiece _scheme;
    private HeaderPiece _protocol;
    private KnownScheme _knownScheme;
    private NeverIndexedParts _neverIndexed;

    /// <param name="pool">The pool of the current thread's worker; null for a map that is attached later.</param>
    internal RequestHeaders(SlabPool? pool = null)
        : base(pool)
    {
    }

    /// <summary>Parts of the start line that came as never to be indexed by HPACK, and leave so (RFC 7541 section 6.2.3), whatever filters make of them.</summary>
    [Flags]
    internal enum NeverIndexedParts : byte
    {
        None = 0,
        Method = 1,
        Path = 2,
        Scheme = 4,
        Protocol = 8,
    }

    private enum KnownScheme : byte
    {
        None,
        Http,
        Https,
        Other,
    }

    /// <summary>The method by number.</summary>
    public KnownMethod KnownMethod { get; private set; }

    /// <summary>The method's name, case-sensitive; empty if none is set.</summary>
    public ReadOnlySpan<byte> Method => KnownMethod != KnownMethod.Other ? KnownMethods.Name(KnownMethod) : PieceOf(_method);

    /// <summary>The path with its query; "*" for OPTIONS of the server; empty for CONNECT.</summary>
    public ReadOnlySpan<byte> Path => PieceOf(_path);

    /// <summary>"http" or "https", normally; empty until it is known.</summary>
    public ReadOnlySpan<byte> Scheme => _knownScheme switch
    {
        KnownScheme.Http => "http"u8,
        KnownScheme.Https => "https"u8,
        _ => PieceOf(_scheme),
    };

    /// <summary>The host, with its port if it came with one: HTTP/1's Host header, HTTP/2's <c>:authority</c>.</summary>
    public ReadOnlySpan<byte> Authority => Get(HeaderNames.Host);

    /// <summary>The <c>:protocol</c> of an extended CONNECT (RFC 8441); empty otherwise.</summary>
    public ReadOnlySpan<byte> Protocol => PieceOf(_protocol);

    /// <summary>The protocol that the request came by: 10, 11 or 20.</summary>
    public int HttpVersion { get; set; } = 11;

    internal NeverIndexedParts NeverIndexed => _neverIndexed;

    public bool MethodIs(KnownMethod method) => KnownMethod == method && method != KnownMethod.Other;

    /// <exception cref="ArgumentException">It is not a token.</exception>
    public void SetMethod(string method) => SetMethod(Encoding.UTF8.GetBytes(method));

    /// <exception cref="ArgumentException">It is not a token.</exception>
    public void SetMethod(ReadOnlySpan<byte> method)
    {
        CheckThread();
        if (!HeaderBytes.IsToken(method))
        {
            throw new ArgumentException("A method holds token characters only.", nameof(method));
        }

        KnownMethod = KnownMethods.Find(method);
        _method = KnownMethod == KnownMethod.Other ? StorePiece(method) : default;
    }

    public void SetMethod(KnownMethod method)
    {
        CheckThread();
        KnownMethod = method;
        _method = default;
    }

    /// <exception cref="ArgumentException">It holds spaces or control characters.</exception>
    public void SetPath(string path)
    {
        var room = Encoding.UTF8.GetMaxByteCount(path.Length);
        Span<byte> bytes = room <= 1024 ? stackalloc byte[1024] : new byte[room];
        SetPath(bytes[..Encoding.UTF8.GetBytes(path, bytes)]);
    }

    /// <exception cref="ArgumentException">It holds spaces or control characters.</exception>
    public void SetPath(ReadOnlySpan<byte> path)
    {
        CheckThread();
        CheckVisible(path, nameof(path));
        _path = StorePiece(path);
    }

    /// <exception cref="ArgumentException">It holds spaces or control characters.</exception>
    public void SetScheme(string scheme) => SetScheme(Encoding.UTF8.GetBytes(scheme));

    /// <summary>"http" and "https" cost nothing.</summary>
    /// <exception cref="ArgumentException">It holds spaces or control characters.</exception>
    public void SetScheme(ReadOnlySpan<byte> scheme)
    {
        CheckThread();
        CheckVisible(scheme, nameof(scheme));
        _knownScheme = scheme.SequenceEqual("http"u8) ? KnownScheme.Http
            : scheme.SequenceEqual("https"u8) ? KnownScheme.Https
            : KnownScheme.Other;
        _scheme = _knownScheme == KnownScheme.Other ? StorePiece(scheme) : default;
    }

    public void SetAuthority(string authority) => Set(HeaderNames.Host, authority);

    public void SetAuthority(ReadOnlySpan<byte> authority) => Set(HeaderNames.Host, authority);

    /// <exception cref="ArgumentException">It holds spaces or control characters.</exception>
    public void SetProtocol(ReadOnlySpan<byte> protocol)
    {
        CheckThread();
        CheckVisible(protocol, nameof(protocol));
        _protocol = StorePiece(protocol);
    }

    /// <summary>Makes this request, which must be empty, a copy of another of the same worker.</summary>
    internal void CopyFrom(RequestHeaders source)
    {
        base.CopyFrom(source);
        KnownMethod = source.KnownMethod;
        HttpVersion = source.HttpVersion;
        _method = source._method;
        _path = source._path;
        _scheme = source._scheme;
        _protocol = source._protocol;
        _knownScheme = source._knownScheme;
        _neverIndexed = source._neverIndexed;
    }

    /// <summary>A part of the start line is not to be indexed.</summary>
    internal void MarkNeverIndexed(NeverIndexedParts part) => _neverIndexed |= part;

    /// <summary>What a codec found in the request line, by offsets from the head's first byte.</summary>
    internal void ReceivedMethod(KnownMethod known, int start, int length)
    {
        KnownMethod = known;
        _method = new HeaderPiece { Start = (ushort)start, Length = (ushort)length };
    }

    internal void ReceivedPath(int start, int length) => _path = new HeaderPiece { Start = (ushort)start, Length = (ushort)length };

    /// <summary>Makes the path a slash and the given query: the target was a URI without a path.</summary>
    internal void SetPathAfterSlash(ReadOnlySpan<byte> query) => _path = StorePiece("/"u8, query);

    /// <summary>Bytes of the received head.</summary>
    internal ReadOnlySpan<byte> ReceivedBytes(int start, int length) => PieceOf(new HeaderPiece { Start = (ushort)start, Length = (ushort)length });

    private protected override void ClearStartLine()
    {
        _method = default;
        _path = default;
        _scheme = default;
        _protocol = default;
        _knownScheme = KnownScheme.None;
        _neverIndexed = NeverIndexedParts.None;
        KnownMethod = KnownMethod.Other;
        HttpVersion = 11;
    }

    private static void CheckVisible(ReadOnlySpan<byte> value, string what)
    {
        if (value.IndexOfAnyInRange((byte)0, (byte)' ') >= 0 || value.Contains((byte)0x7F))
        {
            throw new ArgumentException($"The {what} holds a space or a control character.", what);
        }
    }
}
