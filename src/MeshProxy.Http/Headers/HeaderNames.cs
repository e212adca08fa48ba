namespace MeshProxy.Http.Headers;

/// <summary>The well-known header names, ready for use with a <see cref="HeaderMap"/>.</summary>
public static class HeaderNames
{
    /// <summary><c>connection</c></summary>
    public static HeaderName Connection => new(HeaderId.Connection);

    /// <summary><c>keep-alive</c></summary>
    public static HeaderName KeepAlive => new(HeaderId.KeepAlive);

    /// <summary><c>proxy-connection</c></summary>
    public static HeaderName ProxyConnection => new(HeaderId.ProxyConnection);

    /// <summary><c>transfer-encoding</c></summary>
    public static HeaderName TransferEncoding => new(HeaderId.TransferEncoding);

    /// <summary><c>upgrade</c></summary>
    public static HeaderName Upgrade => new(HeaderId.Upgrade);

    /// <summary><c>te</c></summary>
    public static HeaderName TE => new(HeaderId.TE);

    /// <summary><c>http2-settings</c></summary>
    public static HeaderName Http2Settings => new(HeaderId.Http2Settings);

    /// <summary><c>content-length</c></summary>
    public static HeaderName ContentLength => new(HeaderId.ContentLength);

    /// <summary><c>host</c></summary>
    public static HeaderName Host => new(HeaderId.Host);

    /// <summary><c>expect</c></summary>
    public static HeaderName Expect => new(HeaderId.Expect);

    /// <summary><c>trailer</c></summary>
    public static HeaderName Trailer => new(HeaderId.Trailer);

    /// <summary><c>date</c></summary>
    public static HeaderName Date => new(HeaderId.Date);

    /// <summary><c>server</c></summary>
    public static HeaderName Server => new(HeaderId.Server);

    /// <summary><c>via</c></summary>
    public static HeaderName Via => new(HeaderId.Via);

    /// <summary><c>forwarded</c></summary>
    public static HeaderName Forwarded => new(HeaderId.Forwarded);

    /// <summary><c>x-request-id</c></summary>
    public static HeaderName XRequestId => new(HeaderId.XRequestId);

    /// <summary><c>x-forwarded-for</c></summary>
    public static HeaderName XForwardedFor => new(HeaderId.XForwardedFor);

    /// <summary><c>x-forwarded-proto</c></summary>
    public static HeaderName XForwardedProto => new(HeaderId.XForwardedProto);

    /// <summary><c>x-forwarded-host</c></summary>
    public static HeaderName XForwardedHost => new(HeaderId.XForwardedHost);

    /// <summary><c>x-forwarded-port</c></summary>
    public static HeaderName XForwardedPort => new(HeaderId.XForwardedPort);

    /// <summary><c>x-forwarded-client-cert</c></summary>
    public static HeaderName XForwardedClientCert => new(HeaderId.XForwardedClientCert);

    /// <summary><c>x-client-trace-id</c></summary>
    public static HeaderName XClientTraceId => new(HeaderId.XClientTraceId);

    /// <summary><c>x-envoy-internal</c></summary>
    public static HeaderName XEnvoyInternal => new(HeaderId.XEnvoyInternal);

    /// <summary><c>x-envoy-external-address</c></summary>
    public static HeaderName XEnvoyExternalAddress => new(HeaderId.XEnvoyExternalAddress);

    /// <summary><c>x-envoy-upstream-service-time</c></summary>
    public static HeaderName XEnvoyUpstreamServiceTime => new(HeaderId.XEnvoyUpstreamServiceTime);

    /// <summary><c>x-envoy-expected-rq-timeout-ms</c></summary>
    public static HeaderName XEnvoyExpectedRqTimeoutMs => new(HeaderId.XEnvoyExpectedRqTimeoutMs);

    /// <summary><c>x-envoy-upstream-rq-timeout-ms</c></summary>
    public static HeaderName XEnvoyUpstreamRqTimeoutMs => new(HeaderId.XEnvoyUpstreamRqTimeoutMs);

    /// <summary><c>x-envoy-upstream-rq-per-try-timeout-ms</c></summary>
    public static HeaderName XEnvoyUpstreamRqPerTryTimeoutMs => new(HeaderId.XEnvoyUpstreamRqPerTryTimeoutMs);

    /// <summary><c>x-envoy-upstream-rq-timeout-alt-response</c></summary>
    public static HeaderName XEnvoyUpstreamRqTimeoutAltResponse => new(HeaderId.XEnvoyUpstreamRqTimeoutAltResponse);

    /// <summary><c>x-envoy-upstream-alt-stat-name</c></summary>
    public static HeaderName XEnvoyUpstreamAltStatName => new(HeaderId.XEnvoyUpstreamAltStatName);

    /// <summary><c>x-envoy-upstream-canary</c></summary>
    public static HeaderName XEnvoyUpstreamCanary => new(HeaderId.XEnvoyUpstreamCanary);

    /// <summary><c>x-envoy-upstream-healthchecked-cluster</c></summary>
    public static HeaderName XEnvoyUpstreamHealthcheckedCluster => new(HeaderId.XEnvoyUpstreamHealthcheckedCluster);

    /// <summary><c>x-envoy-upstream-stream-duration-ms</c></summary>
    public static HeaderName XEnvoyUpstreamStreamDurationMs => new(HeaderId.XEnvoyUpstreamStreamDurationMs);

    /// <summary><c>x-envoy-original-path</c></summary>
    public static HeaderName XEnvoyOriginalPath => new(HeaderId.XEnvoyOriginalPath);

    /// <summary><c>x-envoy-original-host</c></summary>
    public static HeaderName XEnvoyOriginalHost => new(HeaderId.XEnvoyOriginalHost);

    /// <summary><c>x-envoy-original-method</c></summary>
    public static HeaderName XEnvoyOriginalMethod => new(HeaderId.XEnvoyOriginalMethod);

    /// <summary><c>x-envoy-original-url</c></summary>
    public static HeaderName XEnvoyOriginalUrl => new(HeaderId.XEnvoyOriginalUrl);

    /// <summary><c>x-envoy-original-dst-host</c></summary>
    public static HeaderName XEnvoyOriginalDstHost => new(HeaderId.XEnvoyOriginalDstHost);

    /// <summary><c>x-envoy-attempt-count</c></summary>
    public static HeaderName XEnvoyAttemptCount => new(HeaderId.XEnvoyAttemptCount);

    /// <summary><c>x-envoy-overloaded</c></summary>
    public static HeaderName XEnvoyOverloaded => new(HeaderId.XEnvoyOverloaded);

    /// <summary><c>x-envoy-local-overloaded</c></summary>
    public static HeaderName XEnvoyLocalOverloaded => new(HeaderId.XEnvoyLocalOverloaded);

    /// <summary><c>x-envoy-ratelimited</c></summary>
    public static HeaderName XEnvoyRatelimited => new(HeaderId.XEnvoyRatelimited);

    /// <summary><c>x-envoy-degraded</c></summary>
    public static HeaderName XEnvoyDegraded => new(HeaderId.XEnvoyDegraded);

    /// <summary><c>x-envoy-immediate-health-check-fail</c></summary>
    public static HeaderName XEnvoyImmediateHealthCheckFail => new(HeaderId.XEnvoyImmediateHealthCheckFail);

    /// <summary><c>x-envoy-max-retries</c></summary>
    public static HeaderName XEnvoyMaxRetries => new(HeaderId.XEnvoyMaxRetries);

    /// <summary><c>x-envoy-retry-on</c></summary>
    public static HeaderName XEnvoyRetryOn => new(HeaderId.XEnvoyRetryOn);

    /// <summary><c>x-envoy-retry-grpc-on</c></summary>
    public static HeaderName XEnvoyRetryGrpcOn => new(HeaderId.XEnvoyRetryGrpcOn);

    /// <summary><c>x-envoy-retriable-status-codes</c></summary>
    public static HeaderName XEnvoyRetriableStatusCodes => new(HeaderId.XEnvoyRetriableStatusCodes);

    /// <summary><c>x-envoy-retriable-header-names</c></summary>
    public static HeaderName XEnvoyRetriableHeaderNames => new(HeaderId.XEnvoyRetriableHeaderNames);

    /// <summary><c>x-envoy-is-timeout-retry</c></summary>
    public static HeaderName XEnvoyIsTimeoutRetry => new(HeaderId.XEnvoyIsTimeoutRetry);

    /// <summary><c>x-envoy-hedge-on-per-try-timeout</c></summary>
    public static HeaderName XEnvoyHedgeOnPerTryTimeout => new(HeaderId.XEnvoyHedgeOnPerTryTimeout);

    /// <summary><c>x-envoy-decorator-operation</c></summary>
    public static HeaderName XEnvoyDecoratorOperation => new(HeaderId.XEnvoyDecoratorOperation);

    /// <summary><c>x-envoy-ip-tags</c></summary>
    public static HeaderName XEnvoyIpTags => new(HeaderId.XEnvoyIpTags);

    /// <summary><c>x-envoy-peer-metadata</c></summary>
    public static HeaderName XEnvoyPeerMetadata => new(HeaderId.XEnvoyPeerMetadata);

    /// <summary><c>x-envoy-peer-metadata-id</c></summary>
    public static HeaderName XEnvoyPeerMetadataId => new(HeaderId.XEnvoyPeerMetadataId);

    /// <summary><c>x-envoy-force-trace</c></summary>
    public static HeaderName XEnvoyForceTrace => new(HeaderId.XEnvoyForceTrace);

    /// <summary><c>x-envoy-downstream-service-cluster</c></summary>
    public static HeaderName XEnvoyDownstreamServiceCluster => new(HeaderId.XEnvoyDownstreamServiceCluster);

    /// <summary><c>x-envoy-downstream-service-node</c></summary>
    public static HeaderName XEnvoyDownstreamServiceNode => new(HeaderId.XEnvoyDownstreamServiceNode);

    /// <summary><c>x-envoy-cluster</c></summary>
    public static HeaderName XEnvoyCluster => new(HeaderId.XEnvoyCluster);

    /// <summary><c>user-agent</c></summary>
    public static HeaderName UserAgent => new(HeaderId.UserAgent);

    /// <summary><c>accept</c></summary>
    public static HeaderName Accept => new(HeaderId.Accept);

    /// <summary><c>accept-encoding</c></summary>
    public static HeaderName AcceptEncoding => new(HeaderId.AcceptEncoding);

    /// <summary><c>accept-language</c></summary>
    public static HeaderName AcceptLanguage => new(HeaderId.AcceptLanguage);

    /// <summary><c>accept-charset</c></summary>
    public static HeaderName AcceptCharset => new(HeaderId.AcceptCharset);

    /// <summary><c>accept-ranges</c></summary>
    public static HeaderName AcceptRanges => new(HeaderId.AcceptRanges);

    /// <summary><c>authorization</c></summary>
    public static HeaderName Authorization => new(HeaderId.Authorization);

    /// <summary><c>proxy-authorization</c></summary>
    public static HeaderName ProxyAuthorization => new(HeaderId.ProxyAuthorization);

    /// <summary><c>proxy-authenticate</c></summary>
    public static HeaderName ProxyAuthenticate => new(HeaderId.ProxyAuthenticate);

    /// <summary><c>www-authenticate</c></summary>
    public static HeaderName WwwAuthenticate => new(HeaderId.WwwAuthenticate);

    /// <summary><c>cookie</c></summary>
    public static HeaderName Cookie => new(HeaderId.Cookie);

    /// <summary><c>set-cookie</c></summary>
    public static HeaderName SetCookie => new(HeaderId.SetCookie);

    /// <summary><c>content-type</c></summary>
    public static HeaderName ContentType => new(HeaderId.ContentType);

    /// <summary><c>content-encoding</c></summary>
    public static HeaderName ContentEncoding => new(HeaderId.ContentEncoding);

    /// <summary><c>content-language</c></summary>
    public static HeaderName ContentLanguage => new(HeaderId.ContentLanguage);

    /// <summary><c>content-range</c></summary>
    public static HeaderName ContentRange => new(HeaderId.ContentRange);

    /// <summary><c>content-location</c></summary>
    public static HeaderName ContentLocation => new(HeaderId.ContentLocation);

    /// <summary><c>content-disposition</c></summary>
    public static HeaderName ContentDisposition => new(HeaderId.ContentDisposition);

    /// <summary><c>location</c></summary>
    public static HeaderName Location => new(HeaderId.Location);

    /// <summary><c>allow</c></summary>
    public static HeaderName Allow => new(HeaderId.Allow);

    /// <summary><c>grpc-status</c></summary>
    public static HeaderName GrpcStatus => new(HeaderId.GrpcStatus);

    /// <summary><c>grpc-message</c></summary>
    public static HeaderName GrpcMessage => new(HeaderId.GrpcMessage);

    /// <summary><c>grpc-timeout</c></summary>
    public static HeaderName GrpcTimeout => new(HeaderId.GrpcTimeout);

    /// <summary><c>grpc-encoding</c></summary>
    public static HeaderName GrpcEncoding => new(HeaderId.GrpcEncoding);

    /// <summary><c>grpc-accept-encoding</c></summary>
    public static HeaderName GrpcAcceptEncoding => new(HeaderId.GrpcAcceptEncoding);

    /// <summary><c>grpc-status-details-bin</c></summary>
    public static HeaderName GrpcStatusDetailsBin => new(HeaderId.GrpcStatusDetailsBin);

    /// <summary><c>traceparent</c></summary>
    public static HeaderName Traceparent => new(HeaderId.Traceparent);

    /// <summary><c>tracestate</c></summary>
    public static HeaderName Tracestate => new(HeaderId.Tracestate);

    /// <summary><c>baggage</c></summary>
    public static HeaderName Baggage => new(HeaderId.Baggage);

    /// <summary><c>age</c></summary>
    public static HeaderName Age => new(HeaderId.Age);

    /// <summary><c>cache-control</c></summary>
    public static HeaderName CacheControl => new(HeaderId.CacheControl);

    /// <summary><c>etag</c></summary>
    public static HeaderName ETag => new(HeaderId.ETag);

    /// <summary><c>expires</c></summary>
    public static HeaderName Expires => new(HeaderId.Expires);

    /// <summary><c>last-modified</c></summary>
    public static HeaderName LastModified => new(HeaderId.LastModified);

    /// <summary><c>pragma</c></summary>
    public static HeaderName Pragma => new(HeaderId.Pragma);

    /// <summary><c>vary</c></summary>
    public static HeaderName Vary => new(HeaderId.Vary);

    /// <summary><c>referer</c></summary>
    public static HeaderName Referer => new(HeaderId.Referer);

    /// <summary><c>origin</c></summary>
    public static HeaderName Origin => new(HeaderId.Origin);

    /// <summary><c>range</c></summary>
    public static HeaderName Range => new(HeaderId.Range);

    /// <summary><c>if-match</c></summary>
    public static HeaderName IfMatch => new(HeaderId.IfMatch);

    /// <summary><c>if-none-match</c></summary>
    public static HeaderName IfNoneMatch => new(HeaderId.IfNoneMatch);

    /// <summary><c>if-modified-since</c></summary>
    public static HeaderName IfModifiedSince => new(HeaderId.IfModifiedSince);

    /// <summary><c>if-unmodified-since</c></summary>
    public static HeaderName IfUnmodifiedSince => new(HeaderId.IfUnmodifiedSince);

    /// <summary><c>if-range</c></summary>
    public static HeaderName IfRange => new(HeaderId.IfRange);

    /// <summary><c>max-forwards</c></summary>
    public static HeaderName MaxForwards => new(HeaderId.MaxForwards);

    /// <summary><c>retry-after</c></summary>
    public static HeaderName RetryAfter => new(HeaderId.RetryAfter);

    /// <summary><c>access-control-request-method</c></summary>
    public static HeaderName AccessControlRequestMethod => new(HeaderId.AccessControlRequestMethod);

    /// <summary><c>access-control-request-headers</c></summary>
    public static HeaderName AccessControlRequestHeaders => new(HeaderId.AccessControlRequestHeaders);

    /// <summary><c>access-control-allow-origin</c></summary>
    public static HeaderName AccessControlAllowOrigin => new(HeaderId.AccessControlAllowOrigin);

    /// <summary><c>access-control-allow-methods</c></summary>
    public static HeaderName AccessControlAllowMethods => new(HeaderId.AccessControlAllowMethods);

    /// <summary><c>access-control-allow-headers</c></summary>
    public static HeaderName AccessControlAllowHeaders => new(HeaderId.AccessControlAllowHeaders);

    /// <summary><c>access-control-allow-credentials</c></summary>
    public static HeaderName AccessControlAllowCredentials => new(HeaderId.AccessControlAllowCredentials);

    /// <summary><c>access-control-expose-headers</c></summary>
    public static HeaderName AccessControlExposeHeaders => new(HeaderId.AccessControlExposeHeaders);

    /// <summary><c>access-control-max-age</c></summary>
    public static HeaderName AccessControlMaxAge => new(HeaderId.AccessControlMaxAge);

    /// <summary><c>strict-transport-security</c></summary>
    public static HeaderName StrictTransportSecurity => new(HeaderId.StrictTransportSecurity);

    /// <summary><c>sec-websocket-key</c></summary>
    public static HeaderName SecWebsocketKey => new(HeaderId.SecWebsocketKey);

    /// <summary><c>sec-websocket-version</c></summary>
    public static HeaderName SecWebsocketVersion => new(HeaderId.SecWebsocketVersion);

    /// <summary><c>sec-websocket-protocol</c></summary>
    public static HeaderName SecWebsocketProtocol => new(HeaderId.SecWebsocketProtocol);

    /// <summary><c>sec-websocket-accept</c></summary>
    public static HeaderName SecWebsocketAccept => new(HeaderId.SecWebsocketAccept);

    /// <summary><c>sec-fetch-mode</c></summary>
    public static HeaderName SecFetchMode => new(HeaderId.SecFetchMode);

    /// <summary><c>sec-fetch-site</c></summary>
    public static HeaderName SecFetchSite => new(HeaderId.SecFetchSite);

    /// <summary><c>sec-fetch-dest</c></summary>
    public static HeaderName SecFetchDest => new(HeaderId.SecFetchDest);

    /// <summary><c>upgrade-insecure-requests</c></summary>
    public static HeaderName UpgradeInsecureRequests => new(HeaderId.UpgradeInsecureRequests);

    /// <summary><c>dnt</c></summary>
    public static HeaderName Dnt => new(HeaderId.Dnt);

    /// <summary><c>priority</c></summary>
    public static HeaderName Priority => new(HeaderId.Priority);
}
