using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// Brings a request's head into the shape that filters see: normal path and host, who the client is (<c>x-forwarded-for</c>, <c>-proto</c>,
/// <c>x-envoy-internal</c>, <c>x-envoy-external-address</c>), no internal headers from outside, a request id. The codec sees to
/// connection-specific headers.
/// </summary>
/// <remarks>
/// Made once for a connection manager's config; immutable, shared by all workers. Allocates nothing but a redirect's location. One pass over
/// the headers tells what they hold, so that the usual request pays for nothing that it does not have.
/// </remarks>
internal sealed class RequestMutation
{
    /// <summary>The detail of a 431: the addresses of so many proxies are nobody's path.</summary>
    public const string ForwardedForTooLong = "x_forwarded_for_too_long";

    private const int MaxForwardedForLength = 16 * 1024;
    private const int MaxAddressTextLength = 64;

    private static readonly HeaderLine s_protoHttp = new(HeaderNames.XForwardedProto, "http"u8);
    private static readonly HeaderLine s_protoHttps = new(HeaderNames.XForwardedProto, "https"u8);
    private static readonly HeaderLine s_internal = new(HeaderNames.XEnvoyInternal, "true"u8);

    private readonly PathNormalizer? _pathNormalizer;
    private readonly HostNormalizer? _hostNormalizer;
    private readonly ForwardedClientCert _clientCert;
    private readonly InternalAddresses _internalAddresses;
    private readonly bool _useRemoteAddress;
    private readonly bool _appendForwardedFor;
    private readonly int _trustedHops;
    private readonly bool _generateRequestId;
    private readonly bool _preserveExternalRequestId;
    private readonly byte[] _userAgent;
    private readonly byte[] _via;

    public RequestMutation(HttpConnectionManagerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _pathNormalizer = new PathNormalizer(config) is { IsActive: true } path ? path : null;
        _hostNormalizer = new HostNormalizer(config) is { IsActive: true } host ? host : null;
        _clientCert = new ForwardedClientCert(config);
        _internalAddresses = new InternalAddresses(config.InternalAddressConfig);
        _useRemoteAddress = config.UseRemoteAddress;
        _appendForwardedFor = !config.SkipXffAppend;
        _trustedHops = config.XffNumTrustedHops;
        _generateRequestId = config.GenerateRequestId;
        _preserveExternalRequestId = config.PreserveExternalRequestId;
        _userAgent = config.AddUserAgent ? Encoding.UTF8.GetBytes(config.ServerName) : [];
        _via = Encoding.UTF8.GetBytes(config.Via);
    }

    private enum PathCheck : byte
    {
        Sound,
        Missing,
        NoPath,
        NotNormal,
        Redirect,
    }

    /// <summary>Changes the head, or says how the request is to be refused.</summary>
    public MutationResult Apply(RequestHeaders headers, ClientIdentity client)
    {
        var check = CheckPath(headers);
        if (check != PathCheck.Sound)
        {
            return Refuse(check, headers);
        }

        _hostNormalizer?.Apply(headers, client.LocalPort);
        var seen = HeaderSurvey.Of(headers);
        if ((seen.Present & HeaderTraits.Referer) != 0)
        {
            CheckReferer(headers, isRepeated: (seen.Repeated & HeaderTraits.Referer) != 0);
        }

        if ((seen.Repeated & HeaderTraits.ForwardedFor) != 0 && !JoinForwardedFor(headers))
        {
            return MutationResult.Refuse(431, ForwardedForTooLong);
        }

        _clientCert.Apply(headers, client, (seen.Present & HeaderTraits.ClientCert) != 0, (seen.Repeated & HeaderTraits.ClientCert) != 0);
        return _useRemoteAddress ? ApplyAtEdge(headers, client, seen) : ApplyBehindProxy(headers, client, seen);
    }

    /// <summary>The connection's peer is the client, or one of our own proxies before the client's address.</summary>
    [SkipLocalsInit]
    private MutationResult ApplyAtEdge(RequestHeaders headers, ClientIdentity client, in HeaderSurvey seen)
    {
        var trusted = ClientAddress.OfConnection(client.Remote);
        var forwardedFor = headers.Get(HeaderNames.XForwardedFor);
        if (forwardedFor.Length > MaxForwardedForLength)
        {
            return MutationResult.Refuse(431, ForwardedForTooLong);
        }

        // A copy: what was read of a header is not valid once the headers change.
        Span<byte> forwarded = stackalloc byte[MaxAddressTextLength];
        var forwardedLength = 0;
        if (_trustedHops > 0 && ClientAddress.TryReadForwarded(forwardedFor, _trustedHops - 1, out var address, out var text, out _)
            && text.TryCopyTo(forwarded))
        {
            trusted = ClientAddress.OfForwarded(address);
            forwardedLength = text.Length;
        }

        if (_appendForwardedFor && client.Lines is { } lines)
        {
            if ((seen.Present & HeaderTraits.ForwardedFor) == 0)
            {
                lines.ForwardedFor.SetOn(headers);
            }
            else
            {
                headers.AppendValue(HeaderNames.XForwardedFor, lines.ForwardedFor.Value);
            }
        }

        // What the peer says counts only if it is a proxy that we trust.
        if (_trustedHops == 0 || !headers.Contains(HeaderId.XForwardedProto))
        {
            (client.IsTls ? s_protoHttps : s_protoHttp).SetOn(headers);
        }

        // A request that another proxy has forwarded is never internal here.
        var isInternal = client.IsInternal && (seen.Present & HeaderTraits.ForwardedFor) == 0;
        Finish(headers, client, seen, isInternal, isEdge: !isInternal);
        if (isInternal)
        {
            return MutationResult.Ok(trusted, isInternal);
        }

        if (forwardedLength > 0)
        {
            headers.Set(HeaderNames.XEnvoyExternalAddress, forwarded[..forwardedLength]);
        }
        else if (client.Lines is { } external)
        {
            external.ExternalAddress.SetOn(headers);
        }

        return MutationResult.Ok(trusted, isInternal);
    }

    /// <summary>The connection's peer is a proxy that says who the client is.</summary>
    private MutationResult ApplyBehindProxy(RequestHeaders headers, ClientIdentity client, in HeaderSurvey seen)
    {
        var trusted = ClientAddress.OfConnection(client.Remote);
        var isInternal = false;
        if ((seen.Present & HeaderTraits.ForwardedFor) != 0
            && ClientAddress.TryReadForwarded(headers.Get(HeaderNames.XForwardedFor), _trustedHops, out var address, out _, out var isOnly))
        {
            trusted = ClientAddress.OfForwarded(address);
            isInternal = isOnly && _internalAddresses.Contains(address);
        }

        if (!headers.Contains(HeaderId.XForwardedProto))
        {
            (client.IsTls ? s_protoHttps : s_protoHttp).SetOn(headers);
        }

        Finish(headers, client, seen, isInternal, isEdge: false);
        return MutationResult.Ok(trusted, isInternal);
    }

    /// <summary>What does not hang on where the client's address came from.</summary>
    /// <param name="isEdge">The request comes from outside, and to here first.</param>
    private void Finish(RequestHeaders headers, ClientIdentity client, in HeaderSurvey seen, bool isInternal, bool isEdge)
    {
        if (headers.Scheme.IsEmpty)
        {
            var forwarded = headers.Get(HeaderNames.XForwardedProto);
            headers.SetScheme(HeaderBytes.EqualsIgnoreCase(forwarded, "https"u8) ? "https"u8
                : HeaderBytes.EqualsIgnoreCase(forwarded, "http"u8) ? "http"u8
                : SchemeOf(client));
        }

        if (isInternal)
        {
            s_internal.SetOn(headers);
        }
        else if ((seen.Present & HeaderTraits.FromInsideOnly) != 0)
        {
            HeaderSurvey.RemoveInternal(headers, isEdge);
        }

        if (_userAgent.Length > 0)
        {
            headers.Set(HeaderNames.XEnvoyDownstreamServiceCluster, _userAgent);
            if (headers.Get(HeaderNames.UserAgent).IsEmpty)
            {
                headers.Set(HeaderNames.UserAgent, _userAgent);
            }
        }

        if (_via.Length > 0)
        {
            // A line of its own at the end follows all entries, also where they came in several lines.
            headers.Add(HeaderNames.Via, _via);
        }

        if (_generateRequestId && ((isEdge && !_preserveExternalRequestId) || !headers.Contains(HeaderId.XRequestId)))
        {
            SetRequestId(headers);
        }
    }

    [SkipLocalsInit]
    private static void SetRequestId(RequestHeaders headers)
    {
        const int NameLength = 12;
        Span<byte> line = stackalloc byte[NameLength + 2 + RequestIds.Length + 2];
        var id = line.Slice(NameLength + 2, RequestIds.Length);
        RequestIds.Current.Write(id);
        if (headers.Contains(HeaderId.XRequestId))
        {
            headers.Set(HeaderNames.XRequestId, id);
            return;
        }

        "x-request-id: "u8.CopyTo(line);
        "\r\n"u8.CopyTo(line[^2..]);
        headers.AddLine(HeaderId.XRequestId, line, NameLength);
    }

    private PathCheck CheckPath(RequestHeaders headers)
    {
        var path = headers.Path;
        if (path.IsEmpty)
        {
            return headers.MethodIs(KnownMethod.Connect) ? PathCheck.Sound : PathCheck.Missing;
        }

        if (path[0] != '/')
        {
            // OPTIONS * asks the server as a whole (RFC 9110 section 9.3.7).
            return headers.MethodIs(KnownMethod.Options) && path.SequenceEqual("*"u8) ? PathCheck.Sound : PathCheck.NoPath;
        }

        return _pathNormalizer?.Apply(headers) switch
        {
            PathNormalization.Reject => PathCheck.NotNormal,
            PathNormalization.Redirect => PathCheck.Redirect,
            _ => PathCheck.Sound,
        };
    }

    private static MutationResult Refuse(PathCheck check, RequestHeaders headers) => check switch
    {
        PathCheck.Missing => MutationResult.Refuse(404, ResponseCodeDetails.MissingPath),
        PathCheck.NoPath => MutationResult.Refuse(404, ResponseCodeDetails.AbsolutePathRejected),
        PathCheck.Redirect => MutationResult.Refuse(307, ResponseCodeDetails.PathNormalizationFailed, LocationOf(headers.Path)),
        _ => MutationResult.Refuse(400, ResponseCodeDetails.PathNormalizationFailed),
    };

    /// <summary>The path as a reference to this host: what begins with two slashes names another one (RFC 3986 section 4.2).</summary>
    private static string LocationOf(ReadOnlySpan<byte> path)
    {
        var text = Encoding.Latin1.GetString(path);
        return path.Length > 1 && path[1] is (byte)'/' or (byte)'\\' ? "/." + text : text;
    }

    /// <summary>Takes the referer out if there are two or it is no URL, as Envoy does.</summary>
    private static void CheckReferer(RequestHeaders headers, bool isRepeated)
    {
        var referer = headers.Get(HeaderNames.Referer);
        var authority = referer.IndexOf("://"u8) + 3;
        if (isRepeated || authority <= 3 || authority == referer.Length || referer[authority] is (byte)'/' or (byte)'?' or (byte)'#'
            || !char.IsAsciiLetter((char)referer[0]))
        {
            headers.Remove(HeaderNames.Referer);
        }
    }

    /// <summary>Makes several lines one, as whoever reads only the first would be shown whatever a client likes.</summary>
    private static bool JoinForwardedFor(RequestHeaders headers)
    {
        var room = 0;
        foreach (var header in headers)
        {
            room += header.Id == HeaderId.XForwardedFor ? header.Value.Length + 1 : 0;
        }

        if (room > MaxForwardedForLength)
        {
            return false;
        }

        var joined = ArrayPool<byte>.Shared.Rent(room);
        var length = 0;
        foreach (var header in headers)
        {
            if (header.Id == HeaderId.XForwardedFor)
            {
                if (length > 0)
                {
                    joined[length++] = (byte)',';
                }

                header.Value.CopyTo(joined.AsSpan(length));
                length += header.Value.Length;
            }
        }

        headers.Set(HeaderNames.XForwardedFor, joined.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(joined);
        return true;
    }

    private static ReadOnlySpan<byte> SchemeOf(ClientIdentity client) => client.IsTls ? "https"u8 : "http"u8;
}
