using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Tests.Codecs.Http1;

namespace MeshProxy.Http.Tests.Headers;

public sealed class HeaderMapTests : IDisposable
{
    private readonly SlabPool _pool = new();
    private readonly RequestHeaders _map;

    public HeaderMapTests() => _map = new RequestHeaders(_pool);

    public void Dispose()
    {
        _map.Clear();
        _pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Names_AreFoundInAnyCase()
    {
        _map.Add("X-Custom", "1");
        _map.Add("Accept", "2");
        _map.GetString("x-CUSTOM").ShouldBe("1");
        _map.GetString("ACCEPT").ShouldBe("2");
        _map["accept"].ShouldBe("2");
        _map.GetString("x-custo").ShouldBeNull();
        _map.TryGet(HeaderNames.Cookie, out _).ShouldBeFalse();
        _map.Get(HeaderNames.Cookie).IsEmpty.ShouldBeTrue();
    }

    [Theory]
    [InlineData("accept")]
    [InlineData("x-custom")]
    public void Set_SeveralValues_LeavesOneInTheFirstPlace(string name)
    {
        _map.Add(name, "1");
        _map.Add("other", "o");
        _map.Add(name, "2");
        _map.Add(name, "3");
        _map.Count.ShouldBe(4);
        _map.Set(name, "new");
        Dump().ShouldBe($"{name}: new|other: o|");
        _map.Remove(name).ShouldBe(1);
        _map.Remove(name).ShouldBe(0);
        Dump().ShouldBe("other: o|");
        _map.Add(name, "again");
        _map.GetString(name).ShouldBe("again");
    }

    [Fact]
    public void AppendValue_JoinsWithAComma()
    {
        _map.AppendValue(HeaderNames.XForwardedFor, "1.1.1.1"u8);
        _map.AppendValue(HeaderNames.XForwardedFor, "2.2.2.2"u8);
        Dump().ShouldBe("x-forwarded-for: 1.1.1.1,2.2.2.2|");
    }

    [Fact]
    public void RemovePrefix_TakesKnownAndUnknownNames()
    {
        _map.Add("X-Envoy-Internal", "1");
        _map.Add("x-envoy-made-up", "2");
        _map.Add("x-envo", "3");
        _map.RemovePrefix("x-envoy-"u8).ShouldBe(2);
        _map.Contains(HeaderNames.XEnvoyInternal).ShouldBeFalse();
        Dump().ShouldBe("x-envo: 3|");
    }

    [Fact]
    public void ByteSize_CountsLiveHeaders()
    {
        _map.Add("ab", "cde");
        _map.ByteSize.ShouldBe(9);
        _map.Set("ab", "c");
        _map.ByteSize.ShouldBe(7);
        _map.Remove("ab");
        _map.ByteSize.ShouldBe(0);
    }

    [Theory]
    [InlineData("a\rb")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    public void Value_WithLineBreak_IsRefusedWithoutBeingShown(string value)
    {
        var error = Should.Throw<ArgumentException>(() => _map.Set("x-secret", value));
        error.Message.ShouldContain("x-secret");
        error.Message.ShouldNotContain(value);
        Should.Throw<ArgumentException>(() => _map.Add("x", value));
        Should.Throw<ArgumentException>(() => _map.AppendValue("x", Encoding.Latin1.GetBytes(value)));
        _map.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a:")]
    [InlineData("ä")]
    public void Name_NotAToken_IsRefused(string name)
    {
        Should.Throw<ArgumentException>(() => (HeaderName)name);
    }

    [Fact]
    public void Added_PastTheLimit_IsRefused()
    {
        var value = new byte[16 * 1024];
        value.AsSpan().Fill((byte)'x');
        var error = Should.Throw<InvalidOperationException>(() =>
        {
            for (var i = 0; i < 17; i++)
            {
                _map.Set("x", value);
            }
        });
        error.Message.ShouldContain(HeaderMap.MaxAddedBytes.ToString());
        Should.Throw<ArgumentException>(() => _map.Set("x", new byte[33 * 1024]));
    }

    [Fact]
    public void Map_OnAnotherThread_Refuses()
    {
        _map.Add("a", "b");
        Exception? caught = null;
        var thread = new Thread(() =>
        {
            try
            {
                _map.Set("a", "c");
            }
            catch (InvalidOperationException e)
            {
                caught = e;
            }
        });
        thread.Start();
        thread.Join();
        caught.ShouldNotBeNull();
    }

    [Fact]
    public void ManyHeaders_RemovedAndAdded_KeepOrderAndPlaces()
    {
        var expected = new List<string>();
        for (var i = 0; i < 500; i++)
        {
            _map.Add($"x-{i % 7}", $"{i}");
            expected.Add($"x-{i % 7}: {i}|");
            if (i % 3 == 0)
            {
                _map.Remove($"x-{(i + 1) % 7}");
                expected.RemoveAll(e => e.StartsWith($"x-{(i + 1) % 7}:"));
                _map.Set(HeaderNames.Accept, $"{i}");
                expected.RemoveAll(e => e.StartsWith("accept:"));
                _map.Remove(HeaderNames.Accept).ShouldBe(1);
            }
        }

        Dump().ShouldBe(string.Concat(expected));
    }

    [Fact]
    public void CopyFrom_SharesBytes_ButChangesApart()
    {
        _map.SetMethod("PURGE");
        _map.SetPath("/p");
        _map.Add("a", "1");
        var copy = new RequestHeaders(_pool);
        copy.CopyFrom(_map);
        copy.Set("a", "2");
        _map.Set("a", "3");
        _map.Add("b", "4");
        copy.GetString("a").ShouldBe("2");
        copy.Contains("b").ShouldBeFalse();
        _map.Clear();
        Http1Harness.Latin(copy.Path).ShouldBe("/p");
        Http1Harness.Latin(copy.Method).ShouldBe("PURGE");
        Http1Harness.Dump(copy).ShouldBe("a: 2|");
        copy.Clear();
    }

    [Fact]
    public void StartLine_Setters_AreChecked()
    {
        _map.SetScheme("https");
        Http1Harness.Latin(_map.Scheme).ShouldBe("https");
        _map.SetScheme("ws");
        Http1Harness.Latin(_map.Scheme).ShouldBe("ws");
        _map.SetMethod("GET");
        _map.MethodIs(KnownMethod.Get).ShouldBeTrue();
        _map.SetAuthority("h:1");
        Http1Harness.Latin(_map.Authority).ShouldBe("h:1");
        Should.Throw<ArgumentException>(() => _map.SetPath("/a b"));
        Should.Throw<ArgumentException>(() => _map.SetPath("/a\r\nb"));
        Should.Throw<ArgumentException>(() => _map.SetMethod("G T"));
    }

    [Fact]
    public void HeaderIds_AllNames_AreFoundInEveryCase()
    {
        foreach (var id in Enum.GetValues<HeaderId>().Where(i => i != HeaderId.None))
        {
            var name = Encoding.ASCII.GetString(HeaderTable.Name(id));
            ((HeaderName)name).Id.ShouldBe(id);
            HeaderTable.Find(Encoding.ASCII.GetBytes(name.ToUpperInvariant())).ShouldBe(id);
            HeaderTable.Find(Encoding.ASCII.GetBytes(name + "x")).ShouldNotBe(id);
            HeaderTable.Find(Encoding.ASCII.GetBytes(name[..^1] + "~")).ShouldNotBe(id);
            id.ToString().ToLowerInvariant().ShouldBe(name.Replace("-", ""));
        }
    }

    private string Dump() => Http1Harness.Dump(_map);
}
