using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace MeshProxy.Core.Tests;

/// <summary>Holds the sources to the ranks of docs/architecture.md: a folder uses folders of lower rank only.</summary>
public sealed class ArchitectureTests
{
    private static readonly string s_root = FindRoot();

    [Theory]
    [InlineData("Core")]
    [InlineData("Http")]
    public void Folder_OfAPackage_UsesOnlyLowerRanks(string package)
    {
        var ranks = ReadRanks(package);
        var wrong = new List<string>();
        foreach (var file in Sources(package))
        {
            var folder = FolderOf(Path.GetRelativePath(PackageRoot(package), Path.GetDirectoryName(file)!).Replace('\\', '/'), ranks);
            folder.ShouldNotBeNull($"{file}: its folder has no rank in docs/architecture.md");
            foreach (var used in UsedFolders(file, package))
            {
                if (FolderOf(used, ranks) is { } target && target != folder && ranks[target] >= ranks[folder])
                {
                    wrong.Add($"{folder} ({ranks[folder]}) uses {target} ({ranks[target]}): {Path.GetFileName(file)}");
                }
            }
        }

        wrong.Distinct().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Core", "Http")]
    [InlineData("Core", "Xds")]
    [InlineData("Http", "Xds")]
    public void Package_BelowAnother_DoesNotNameIt(string package, string above) =>
        Sources(package).Where(file => Code(file).Contains($"MeshProxy.{above}.", StringComparison.Ordinal)).ShouldBeEmpty();

    [Theory]
    [InlineData("Core")]
    [InlineData("Http")]
    [InlineData("Xds")]
    public void Package_OfTheLibrary_DoesNotReferenceAspNetCore(string package)
    {
        File.ReadAllText(Directory.GetFiles(PackageRoot(package), "*.csproj").Single()).ShouldNotContain("AspNetCore");
        Sources(package).Where(file => Code(file).Contains("Microsoft.AspNetCore", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Core")]
    [InlineData("Http")]
    public void Namespace_OfAFile_IsItsFolder(string package)
    {
        foreach (var file in Sources(package))
        {
            var declared = Regex.Match(File.ReadAllText(file), @"^namespace ([\w.]+);", RegexOptions.Multiline).Groups[1].Value;
            var folder = Path.GetRelativePath(PackageRoot(package), Path.GetDirectoryName(file)!).Replace('\\', '/');
            var expected = $"MeshProxy.{package}.{folder.Replace('/', '.')}";
            var isServiceCollectionExtension = declared == "Microsoft.Extensions.DependencyInjection";
            (declared == expected || isServiceCollectionExtension).ShouldBeTrue($"{file}: {declared} instead of {expected}");
        }
    }

    private static Dictionary<string, int> ReadRanks(string package)
    {
        var text = File.ReadAllText(Path.Combine(s_root, "docs", "architecture.md"));
        var section = text[text.IndexOf($"## MeshProxy.{package}", StringComparison.Ordinal)..];
        var end = section.IndexOf("\n## ", 4, StringComparison.Ordinal);
        var ranks = new Dictionary<string, int>();
        foreach (Match row in Regex.Matches(end < 0 ? section : section[..end], @"^\| (\d+) \| (.+) \|", RegexOptions.Multiline))
        {
            foreach (var folder in row.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                ranks.Add(folder, int.Parse(row.Groups[1].Value));
            }
        }

        ranks.ShouldNotBeEmpty();
        return ranks;
    }

    /// <summary>The ranked folder that a path belongs to: itself or the nearest above it.</summary>
    private static string? FolderOf(string path, Dictionary<string, int> ranks)
    {
        for (var folder = path; folder.Length > 0; folder = folder.Contains('/') ? folder[..folder.LastIndexOf('/')] : "")
        {
            if (ranks.ContainsKey(folder))
            {
                return folder;
            }
        }

        return null;
    }

    private static IEnumerable<string> UsedFolders(string file, string package) =>
        Regex.Matches(Code(file), $@"\bMeshProxy\.{package}((?:\.[A-Z]\w*)+)").Select(m => m.Groups[1].Value[1..].Replace('.', '/'));

    private static string Code(string file) => Regex.Replace(File.ReadAllText(file), @"//[^\n]*", "");

    private static IEnumerable<string> Sources(string package) =>
        Directory.EnumerateFiles(PackageRoot(package), "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(PackageRoot(package), file).Replace('\\', '/').Split('/')[0].Equals("obj", StringComparison.Ordinal)
                && !Path.GetRelativePath(PackageRoot(package), file).Replace('\\', '/').Split('/')[0].Equals("bin", StringComparison.Ordinal));

    private static string PackageRoot(string package) => Path.Combine(s_root, "src", "MeshProxy." + package);

    private static string FindRoot([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
