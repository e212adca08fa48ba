namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Programs of others that tests talk to. CI installs them; elsewhere a test whose peer is missing is skipped.</summary>
internal static class Peers
{
    private static readonly string[] Folders =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/sbin", "/sbin"];

    /// <summary>The program's path; null if it is not installed.</summary>
    public static string? Find(string program) =>
        Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>The program's path; skips the test if it is not installed.</summary>
    public static string Require(string program)
    {
        var path = Find(program);
        Skip.If(path is null, $"{program} is not installed");
        return path!;
    }
}
