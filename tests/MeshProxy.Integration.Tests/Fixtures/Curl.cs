namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>The command-line client.</summary>
internal static class Curl
{
    /// <summary>Runs curl without any proxy of the environment; skips the test if it is not installed.</summary>
    public static Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        ChildProcess.RunAsync(Peers.Require("curl"), ["-sS", "--noproxy", "*", .. arguments]);
}
