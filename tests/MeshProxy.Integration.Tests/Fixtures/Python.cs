namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Python with its HTTP/2 library (Debian: python3-h2), which need not be the first python3 in the path.</summary>
internal static class Python
{
    private static readonly Lazy<string?> H2 = new(() => new[] { "/usr/bin/python3", Peers.Find("python3") }.FirstOrDefault(HasH2));

    /// <summary>The interpreter's path; skips the test if none has the library.</summary>
    public static string RequireH2()
    {
        Skip.If(H2.Value is null, "python3-h2 is not installed");
        return H2.Value!;
    }

    private static bool HasH2(string? python) =>
        python is not null && File.Exists(python) && ChildProcess.RunAsync(python, "-c", "import h2, hpack").GetAwaiter().GetResult().ExitCode == 0;
}
