using System.Reflection;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Streams;
using NSubstitute;

namespace MeshProxy.Core.Tests.Streams;

public sealed class StreamInfoTests
{
    [Fact]
    public void Reset_AfterEveryMemberWasSet_LeavesNothing()
    {
        var info = new StreamInfo();
        var fresh = new StreamInfo();
        var properties = typeof(StreamInfo).GetProperties().Where(p => p.SetMethod is not null).ToArray();
        properties.Length.ShouldBeGreaterThan(20);
        foreach (var property in properties)
        {
            property.SetValue(info, ValueOf(property.PropertyType));
            property.GetValue(info).ShouldNotBe(property.GetValue(fresh), property.Name);
        }

        info.Timings.UpstreamFirstRxByteUs = 1;
        info.DownstreamBytes.WireBytesSent = 1;
        info.UpstreamBytes.WireBytesSent = 1;
        info.FilterState.Set(new FilterStateKey<string>("x"), "y");
        info.DynamicMetadata.Set("ns", "k", 1);
        info.Reset();
        foreach (var property in properties)
        {
            property.GetValue(info).ShouldBe(property.GetValue(fresh), property.Name);
        }

        info.Timings.ShouldBe(default);
        info.DownstreamBytes.ShouldBe(default);
        info.UpstreamBytes.ShouldBe(default);
        info.HasFilterState.ShouldBeFalse();
        info.HasDynamicMetadata.ShouldBeFalse();
    }

    [Fact]
    public void StartRequest_TakesTheConnectionsAddresses()
    {
        var connection = new StreamInfo { ConnectionId = 7, DownstreamRemoteAddress = NetworkAddress.Loopback(1), RequestedServerName = "a.test" };
        var request = new StreamInfo();
        request.StartRequest(connection, DateTimeOffset.UnixEpoch, 5);
        request.ConnectionId.ShouldBe(7UL);
        request.DownstreamRemoteAddress.ShouldBe(NetworkAddress.Loopback(1));
        request.RequestedServerName.ShouldBe("a.test");
        request.StartUs.ShouldBe(5);
    }

    private static object ValueOf(Type type) =>
        type == typeof(string) ? "x"
        : type == typeof(NetworkAddress) ? NetworkAddress.Loopback(1)
        : type == typeof(DateTimeOffset) ? DateTimeOffset.UnixEpoch
        : type.IsAbstract ? Substitute.For([type], [])
        : type.IsEnum ? Enum.ToObject(type, 1)
        : Convert.ChangeType(1, type, System.Globalization.CultureInfo.InvariantCulture);
}
