namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Programs of others that tests talk to. CI installs them; elsewhere a test whose peer is missing is skipped.</summary>
internal static class Peers
{
    private static readonly string[] Folders =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/sbin", "/sbin"];

    // bin/CONFIGURATION/FRAMEWORK/
    private static readonly string s_projectFolder =
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", ".."));

    /// <summary>The program's path; null if it is not installed.</summary>
    public static string? Find(string program) =>
        Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>The path of a file of this project.</summary>
    public static string FileOf(string path) => Path.Combine(s_projectFolder, path);

    /// <summary>The path of a program in the folder <c>node</c>; skips the test if node or its packages are not there.</summary>
    public static string RequireNodeProgram(string name)
    {
        Require("node");
        var folder = Path.Combine(s_projectFolder, "node");
        Skip.IfNot(Directory.Exists(Path.Combine(folder, "node_modules")), $"npm packages are not installed: npm ci --ignore-scripts in {folder}");
        return Path.Combine(folder, name);
    }

    /// <summary>The program's path; skips the test if it is not installed.</summary>
    public static string Require(string program)
    {
        var path = Find(program);
        Skip.If(path is null, $"{program} is not installed");
        return path!;
    }
}
