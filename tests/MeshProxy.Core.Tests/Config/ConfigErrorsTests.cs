using MeshProxy.Core.Config;

namespace MeshProxy.Core.Tests.Config;

public sealed class ConfigErrorsTests
{
    [Fact]
    public void Field_Nested_BuildsEnvoysPath()
    {
        var errors = new ConfigErrors();
        var cluster = errors.Field("static_resources").Field("clusters", 3);
        cluster.RequirePositive(TimeSpan.Zero, "connect_timeout").ShouldBeFalse();
        cluster.Field("typed_extension_protocol_options", "http").Add("is unknown");
        errors.All.Select(e => e.ToString()).ShouldBe(
        [
            "static_resources.clusters[3].connect_timeout: must be greater than 0",
            "static_resources.clusters[3].typed_extension_protocol_options[\"http\"]: is unknown",
        ]);
    }

    [Fact]
    public void Require_ThatHolds_AddsNothing()
    {
        var errors = new ConfigErrors();
        errors.RequireText("x", "a").ShouldBeTrue();
        errors.RequirePositive(null, "b").ShouldBeTrue();
        errors.RequireRange(5, 1, 5, "c").ShouldBeTrue();
        errors.RequireRange(null, 1, 5, "d").ShouldBeTrue();
        errors.IsEmpty.ShouldBeTrue();
        errors.ThrowIfAny();
    }

    [Fact]
    public void ThrowIfAny_WithErrors_NamesThemAll()
    {
        var errors = new ConfigErrors();
        errors.RequireText("", "name");
        errors.RequireRange(70000, 0, 65535, "port");
        var thrown = Should.Throw<ConfigException>(errors.ThrowIfAny);
        thrown.Errors.Count.ShouldBe(2);
        thrown.Message.ShouldContain("name: must not be empty");
        thrown.Message.ShouldContain("port: must be from 0 to 65535, is 70000");
    }

    [Fact]
    public void Exception_WithOneError_IsThatErrorsText() =>
        new ConfigException("listeners[0].address", "is bound twice").Message.ShouldBe("listeners[0].address: is bound twice");
}
