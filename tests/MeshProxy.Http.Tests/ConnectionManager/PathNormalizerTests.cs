using System.Text;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Tests.Routing;

namespace MeshProxy.Http.Tests.ConnectionManager;

public sealed class PathNormalizerTests
{
    private static readonly HttpConnectionManagerConfig Plain = new() { StatPrefix = "test", RouteConfig = new() };
    private static readonly HttpConnectionManagerConfig Normalize = Plain with { NormalizePath = true };

    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a/b", "/a/b")]
    [InlineData("/a/./b", "/a/b")]
    [InlineData("/a/../b", "/b")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/a/b/.", "/a/b/")]
    [InlineData("/..", "/")]
    [InlineData("/../../a", "/a")]
    [InlineData("/.", "/")]
    [InlineData("/a/...", "/a/...")]
    [InlineData("/a/.b", "/a/.b")]
    [InlineData("/a/..b", "/a/..b")]
    [InlineData("/a./b", "/a./b")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("//a", "//a")]
    [InlineData("/%2e%2E/a", "/a")]
    [InlineData("/a/%2e./b", "/b")]
    [InlineData("/a/.%2e", "/")]
    [InlineData(@"/a\..\b", "/b")]
    [InlineData(@"\a", "/a")]
    [InlineData("/%61%7E%2d%5f", "/a~-_")]
    [InlineData("/%20%2f%2F%25", "/%20%2f%2F%25")]
    [InlineData("/..%2fa", "/..%2fa")]
    [InlineData("/a%", "/a%25")]
    [InlineData("/a%4", "/a%254")]
    [InlineData("/a%zz", "/a%25zz")]
    [InlineData("/%%32e%%32e/a", "/%252e%252e/a")]
    [InlineData("/{a}<\">`", "/%7Ba%7D%3C%22%3E%60")]
    [InlineData("/a/../b?c/../%41", "/b?c/../%41")]
    [InlineData("/a?b/../c", "/a?b/../c")]
    public void Apply_Normalize_FollowsRfc3986(string path, string expected)
    {
        var request = Requests.Get(path);

        new PathNormalizer(Normalize).Apply(request).ShouldBe(PathNormalization.Continue);

        request.PathText().ShouldBe(expected);
    }

    [Theory]
    [InlineData("/%00")]
    [InlineData("/a/%00/../b")]
    public void Apply_NulInPath_IsRejected(string path) => new PathNormalizer(Normalize).Apply(Requests.Get(path)).ShouldBe(PathNormalization.Reject);

    [Fact]
    public void Apply_PathThatGrowsTooLong_IsRejected() =>
        new PathNormalizer(Normalize).Apply(Requests.Get("/" + new string('{', 30_000))).ShouldBe(PathNormalization.Reject);

    [Fact]
    public void Apply_LongPath_IsNormalised()
    {
        var request = Requests.Get("/a/../" + new string('b', 40_000));

        new PathNormalizer(Normalize).Apply(request).ShouldBe(PathNormalization.Continue);

        request.PathText().ShouldBe("/" + new string('b', 40_000));
    }

    [Theory]
    [InlineData("//", "/")]
    [InlineData("/a//b///c//", "/a/b/c/")]
    [InlineData("/a/b", "/a/b")]
    [InlineData("/a//../b", "/a/../b")]
    [InlineData("/a//b?c//d", "/a/b?c//d")]
    [InlineData("/a?c//d", "/a?c//d")]
    public void Apply_MergeSlashes_LeavesOne(string path, string expected)
    {
        var request = Requests.Get(path);

        new PathNormalizer(Plain with { MergeSlashes = true }).Apply(request).ShouldBe(PathNormalization.Continue);

        request.PathText().ShouldBe(expected);
    }

    [Theory]
    [InlineData(PathWithEscapedSlashesAction.ImplementationSpecificDefault, "/a%2Fb", "/a%2Fb", PathNormalization.Continue)]
    [InlineData(PathWithEscapedSlashesAction.KeepUnchanged, "/a%2Fb", "/a%2Fb", PathNormalization.Continue)]
    [InlineData(PathWithEscapedSlashesAction.RejectRequest, "/a%5cb", "/a%5cb", PathNormalization.Reject)]
    [InlineData(PathWithEscapedSlashesAction.RejectRequest, "/a%20b?%2F", "/a%20b?%2F", PathNormalization.Continue)]
    [InlineData(PathWithEscapedSlashesAction.UnescapeAndRedirect, "/a%2fb?%2F", "/a/b?%2F", PathNormalization.Redirect)]
    [InlineData(PathWithEscapedSlashesAction.UnescapeAndRedirect, "/a%20b", "/a%20b", PathNormalization.Continue)]
    [InlineData(PathWithEscapedSlashesAction.UnescapeAndForward, "/a%2fb%5C%2", @"/a/b\%2", PathNormalization.Continue)]
    public void Apply_EscapedSlashes_DoesAsConfigured(PathWithEscapedSlashesAction action, string path, string expected, object result)
    {
        var request = Requests.Get(path);

        new PathNormalizer(Plain with { PathWithEscapedSlashesAction = action }).Apply(request).ShouldBe((PathNormalization)result);

        request.PathText().ShouldBe(expected);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Apply_RandomPaths_IsIdempotentAndLeavesNoDots(int seed)
    {
        string[] pieces = ["/", "/", ".", ".", "%2e", "%2E", "%2f", "%5C", "\\", "a", "B", "%", "%3", "2e", "32e", "%25", "%61", "{", "~"];
        var random = new Random(seed);
        HttpConnectionManagerConfig[] configs =
        [
            Normalize,
            Normalize with { MergeSlashes = true },
            Normalize with { PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.UnescapeAndForward },
            Normalize with { MergeSlashes = true, PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.UnescapeAndForward },
        ];
        var changed = 0;
        var request = Requests.Get("/");
        for (var i = 0; i < 20_000; i++)
        {
            var text = new StringBuilder("/");
            for (var n = random.Next(12); n > 0; n--)
            {
                text.Append(pieces[random.Next(pieces.Length)]);
            }

            var config = configs[i % configs.Length];
            var normalizer = new PathNormalizer(config);
            request.Clear();
            request.SetPath(text.ToString());
            normalizer.Apply(request).ShouldBe(PathNormalization.Continue);
            var once = request.PathText();
            once.ShouldStartWith("/");
            Uri.UnescapeDataString(once.Replace("%2f", "x", StringComparison.OrdinalIgnoreCase).Replace("%5c", "x", StringComparison.OrdinalIgnoreCase))
                .Split('/').Any(s => s is "." or "..").ShouldBeFalse($"{text} -> {once}");
            if (config.MergeSlashes)
            {
                once.ShouldNotContain("//");
            }

            normalizer.Apply(request);
            request.PathText().ShouldBe(once, $"normalised twice: {text}");
            changed += once == text.ToString() ? 0 : 1;
        }

        changed.ShouldBeGreaterThan(5000);
    }
}
