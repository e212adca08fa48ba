using System.Text.RegularExpressions;

namespace MeshProxy.Integration.Tests.Docs;

/// <summary>README.md and docs: what they show is compiled, what they link to is there.</summary>
public sealed partial class DocsTests
{
    private static readonly string s_root = FindRoot();

    private static readonly string[] s_pages =
        [.. Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md", SearchOption.AllDirectories)
            .Concat(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
            .Select(path => Path.GetRelativePath(s_root, Path.Combine(s_root, path)))];

    public static TheoryData<string> Pages => [.. s_pages];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_WithCSharp_ShowsTextOfTheSnippetProject(string page)
    {
        var sources = Directory.EnumerateFiles(Path.Combine(s_root, "samples", "DocSnippets"), "*.cs")
            .Select(path => Normalize(File.ReadAllText(path)))
            .ToList();
        foreach (Match block in CodeBlock().Matches(File.ReadAllText(Path.Combine(s_root, page))))
        {
            var text = Normalize(block.Groups[1].Value);
            sources.ShouldContain(source => source.Contains(text, StringComparison.Ordinal), $"samples/DocSnippets does not have this block of {page}:\n{block.Groups[1].Value}");
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_WithLinks_LinksToWhatIsThere(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(s_root, page))!;
        foreach (Match link in Link().Matches(File.ReadAllText(Path.Combine(s_root, page))))
        {
            var target = link.Groups[1].Value;
            if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith('#'))
            {
                continue;
            }

            Path.Exists(Path.Combine(folder, target.Split('#')[0])).ShouldBeTrue($"{page} links to {target}");
        }
    }

    [Fact]
    public void Docs_TogetherWithReadme_ShowCSharp() =>
        s_pages.Sum(page => CodeBlock().Count(File.ReadAllText(Path.Combine(s_root, page)))).ShouldBeGreaterThan(10);

    /// <summary>Indentation and empty lines may differ: a block stands deeper in the project than on the page.</summary>
    private static string Normalize(string text) =>
        string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)) + "\n";

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "MeshProxy.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"no MeshProxy.sln above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex("^```csharp\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
