using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Tests.Streams;

public sealed class FilterStateTests
{
    private static readonly FilterStateKey<string> Host = new("envoy.upstream.dynamic_host");
    private static readonly FilterStateKey<Version> Rev = new("acme.version");

    [Fact]
    public void Get_OfWhatWasSet_GivesIt()
    {
        var state = new FilterState();
        state.TryGet(Host, out _).ShouldBeFalse();
        state.Set(Host, "a").ShouldBeTrue();
        state.Set(Rev, new Version(1, 2)).ShouldBeTrue();
        state.Get(Host).ShouldBe("a");
        state.TryGet(Rev, out var rev).ShouldBeTrue();
        rev.ShouldBe(new Version(1, 2));
        state.GetByName("acme.version").ShouldBe(rev);
        state.GetByName("none").ShouldBeNull();
    }

    [Fact]
    public void Set_OverReadOnly_IsRefused()
    {
        var state = new FilterState();
        state.Set(Host, "a").ShouldBeTrue();
        state.Set(Host, "b", mutability: FilterStateMutability.Mutable).ShouldBeFalse();
        state.Get(Host).ShouldBe("a");
        state.Set(Rev, new Version(1, 0), mutability: FilterStateMutability.Mutable).ShouldBeTrue();
        state.Set(Rev, new Version(2, 0), mutability: FilterStateMutability.Mutable).ShouldBeTrue();
        state.Set(Rev, new Version(3, 0), FilterStateLifeSpan.FilterChain, FilterStateMutability.Mutable).ShouldBeFalse();
        state.Get(Rev).ShouldBe(new Version(2, 0));
    }

    [Fact]
    public void ConnectionLifeSpan_SetByARequest_IsSeenByTheNextRequest()
    {
        var connection = new StreamInfo();
        var first = new StreamInfo();
        first.StartRequest(connection, default, 1);
        first.FilterState.Set(Host, "a", FilterStateLifeSpan.Connection).ShouldBeTrue();
        first.FilterState.Set(Rev, new Version(1, 0), FilterStateLifeSpan.Request).ShouldBeTrue();
        first.Reset();

        var second = new StreamInfo();
        second.StartRequest(connection, default, 2);
        second.HasFilterState.ShouldBeTrue();
        second.FilterState.Get(Host).ShouldBe("a");
        second.FilterState.Has(Rev).ShouldBeFalse();
        second.FilterState.Set(Host, "hide", FilterStateLifeSpan.Request).ShouldBeFalse();
        connection.FilterState.Get(Host).ShouldBe("a");
    }

    [Fact]
    public void EndFilterChain_DropsOnlyThatLifeSpan()
    {
        var state = new FilterState();
        state.Set(Host, "a", FilterStateLifeSpan.FilterChain);
        state.Set(Rev, new Version(1, 0), FilterStateLifeSpan.Request);
        state.EndFilterChain();
        state.Has(Host).ShouldBeFalse();
        state.Has(Rev).ShouldBeTrue();
        state.Set(Host, "b").ShouldBeTrue();
    }

    [Fact]
    public void Shared_AreListedWithTheParents()
    {
        var connection = new FilterState();
        connection.Set(Host, "a", FilterStateLifeSpan.Connection, sharedWithUpstream: true);
        var request = new FilterState { Parent = connection };
        request.Set(Rev, new Version(1, 0), sharedWithUpstream: true);
        request.Set(new FilterStateKey<string>("own"), "x");
        var names = new List<string>();
        request.ForEachShared(names, static (list, key, _) => list.Add(key.Name));
        names.ShouldBe(["acme.version", "envoy.upstream.dynamic_host"]);
    }
}
