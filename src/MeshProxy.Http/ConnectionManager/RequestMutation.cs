using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Network;
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

    private readonly PathNormalizer? _pathNormalizer;
    private readonly HostNormalizer? _hostNormalizer;
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
        _internalAddresses = new InternalAddresses(config.InternalAddressConfig);
        _useRemoteAddress = config.UseRemoteAddress;
        _appendForwardedFor = !config.SkipXffAppend;
        _trustedHops = config.XffNumTrustedHops;
        _generateRequestId = config.GenerateRequestId;
        _preserveExternalRequestId = config.PreserveExternalRequestId;
        _userAgent = config.AddUserAgent ? Encoding.UTF8.GetBytes(config.ServerName) : [];
        _via = Encoding.UTF8.GetBytes(config.Via);
    }

    /// <summary>Changes the head, or says how the request is to be refused.</summary>
    public MutationResult Apply(RequestHeaders headers, ClientIdentity client)
    {
        if (CheckPath(headers) is { } refusal)
        {
            return refusal;
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

        if (_appendForwardedFor && client.AddressText.Length > 0)
        {
            headers.AppendValue(HeaderNames.XForwardedFor, client.AddressText);
        }

        // What the peer says counts only if it is a proxy that we trust.
        if (_trustedHops == 0 || !headers.Contains(HeaderId.XForwardedProto))
        {
            headers.Set(HeaderNames.XForwardedProto, SchemeOf(client));
        }

        // A request that another proxy has forwarded is never internal here.
        var isInternal = client.IsInternal && (seen.Present & HeaderTraits.ForwardedFor) == 0;
        Finish(headers, client, seen, isInternal, isEdge: !isInternal);
        var addressText = forwardedLength > 0 ? forwarded[..forwardedLength] : client.AddressText;
        if (!isInternal && addressText.Length > 0)
        {
            headers.Set(HeaderNames.XEnvoyExternalAddress, addressText);
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
            headers.Set(HeaderNames.XForwardedProto, SchemeOf(client));
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
            headers.Set(HeaderNames.XEnvoyInternal, "true"u8);
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
        Span<byte> id = stackalloc byte[RequestIds.Length];
        RequestIds.Current.Write(id);
        headers.Set(HeaderNames.XRequestId, id);
    }

    private MutationResult? CheckPath(RequestHeaders headers)
    {
        var path = headers.Path;
        if (path.IsEmpty)
        {
            return headers.MethodIs(KnownMethod.Connect) ? null : MutationResult.Refuse(404, ResponseCodeDetails.MissingPath);
        }

        if (path[0] != '/')
        {
            // OPTIONS * asks the server as a whole (RFC 9110 section 9.3.7).
            return headers.MethodIs(KnownMethod.Options) && path.SequenceEqual("*"u8)
                ? null
                : MutationResult.Refuse(404, ResponseCodeDetails.AbsolutePathRejected);
        }

        return _pathNormalizer?.Apply(headers) switch
        {
            PathNormalization.Reject => MutationResult.Refuse(400, ResponseCodeDetails.PathNormalizationFailed),
            PathNormalization.Redirect => MutationResult.Refuse(307, ResponseCodeDetails.PathNormalizationFailed, Encoding.Latin1.GetString(headers.Path)),
            _ => null,
        };
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
