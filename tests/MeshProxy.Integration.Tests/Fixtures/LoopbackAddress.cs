namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Addresses of 127/8 that nobody else uses: for programs that must be told their port, and for clients that want to be recognized.</summary>
internal static class LoopbackAddress
{
    /// <summary>Below the ports that systems give out by themselves.</summary>
    public const int Port = 18_443;

    public static string Next()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "only Linux has all of 127/8");
        return $"127.{Random.Shared.Next(64, 250)}.{Random.Shared.Next(1, 250)}.{Random.Shared.Next(2, 250)}";
    }
}
