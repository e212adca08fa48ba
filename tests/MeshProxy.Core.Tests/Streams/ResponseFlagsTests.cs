using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Tests.Streams;

public sealed class ResponseFlagsTests
{
    [Theory]
    [InlineData(ResponseFlags.None, "-")]
    [InlineData(ResponseFlags.FailedLocalHealthCheck, "LH")]
    [InlineData(ResponseFlags.NoHealthyUpstream, "UH")]
    [InlineData(ResponseFlags.UpstreamRequestTimeout, "UT")]
    [InlineData(ResponseFlags.LocalReset, "LR")]
    [InlineData(ResponseFlags.UpstreamRemoteReset, "UR")]
    [InlineData(ResponseFlags.UpstreamConnectionFailure, "UF")]
    [InlineData(ResponseFlags.UpstreamConnectionTermination, "UC")]
    [InlineData(ResponseFlags.UpstreamOverflow, "UO")]
    [InlineData(ResponseFlags.NoRouteFound, "NR")]
    [InlineData(ResponseFlags.DelayInjected, "DI")]
    [InlineData(ResponseFlags.FaultInjected, "FI")]
    [InlineData(ResponseFlags.RateLimited, "RL")]
    [InlineData(ResponseFlags.UnauthorizedExternalService, "UAEX")]
    [InlineData(ResponseFlags.RateLimitServiceError, "RLSE")]
    [InlineData(ResponseFlags.DownstreamConnectionTermination, "DC")]
    [InlineData(ResponseFlags.UpstreamRetryLimitExceeded, "URX")]
    [InlineData(ResponseFlags.StreamIdleTimeout, "SI")]
    [InlineData(ResponseFlags.InvalidEnvoyRequestHeaders, "IH")]
    [InlineData(ResponseFlags.DownstreamProtocolError, "DPE")]
    [InlineData(ResponseFlags.UpstreamMaxStreamDurationReached, "UMSDR")]
    [InlineData(ResponseFlags.ResponseFromCacheFilter, "RFCF")]
    [InlineData(ResponseFlags.NoFilterConfigFound, "NFCF")]
    [InlineData(ResponseFlags.DurationTimeout, "DT")]
    [InlineData(ResponseFlags.UpstreamProtocolError, "UPE")]
    [InlineData(ResponseFlags.NoClusterFound, "NC")]
    [InlineData(ResponseFlags.OverloadManager, "OM")]
    [InlineData(ResponseFlags.DnsResolutionFailed, "DF")]
    [InlineData(ResponseFlags.DropOverload, "DO")]
    [InlineData(ResponseFlags.DownstreamRemoteReset, "DR")]
    [InlineData(ResponseFlags.UnconditionalDropOverload, "UDO")]
    [InlineData(ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded, "UF,URX")]
    public void ToShortString_IsEnvoys(ResponseFlags flags, string text) => flags.ToShortString().ShouldBe(text);

    [Fact]
    public void EveryFlag_HasBothStringsAndParsesBack()
    {
        foreach (var flag in Enum.GetValues<ResponseFlags>().Where(f => f != ResponseFlags.None))
        {
            ResponseFlagsExtensions.TryParseShort(flag.ToShortString(), out var parsed).ShouldBeTrue();
            parsed.ShouldBe(flag);
            flag.ToLongString().Length.ShouldBeGreaterThan(5);
        }

        ResponseFlags.OverloadManager.ToLongString().ShouldBe("OverloadManagerTerminated");
        ResponseFlagsExtensions.TryParseShort("XX", out _).ShouldBeFalse();
    }

    [Fact]
    public void ResetDetails_NameTheReason()
    {
        ResponseCodeDetails.EarlyReset(UpstreamResetReason.RemoteConnectionFailure).ShouldBe("upstream_reset_before_response_started{remote_connection_failure}");
        foreach (var reason in Enum.GetValues<UpstreamResetReason>())
        {
            var snake = string.Concat(reason.ToString().Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
            ResponseCodeDetails.LateReset(reason).ShouldBe($"upstream_reset_after_response_started{{{snake}}}");
        }
    }
}
