using MeshProxy.Core.Event;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>What the environment says about a run.</summary>
internal static class Settings
{
    /// <summary>How long to wait for something that must happen, before the test fails.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>What a peer's abort may take to reach the other side. The benchmark asserts 10 ms; here other tests share the cores.</summary>
    public static readonly TimeSpan AbortBound = TimeSpan.FromSeconds(1);

    /// <summary>MESHPROXY_TEST_EVENT_LOOP: auto, epoll or sockets.</summary>
    public static EventLoopKind EventLoop { get; } =
        Environment.GetEnvironmentVariable("MESHPROXY_TEST_EVENT_LOOP") is { Length: > 0 } kind
            ? Enum.Parse<EventLoopKind>(kind, ignoreCase: true)
            : EventLoopKind.Auto;

    /// <summary>How much the large streams carry each way.</summary>
    public static long LargeBytes { get; } =
        Environment.GetEnvironmentVariable("CI") == "true" || Environment.GetEnvironmentVariable("MESHPROXY_TEST_LARGE") == "1"
            ? 1L << 30
            : 128L << 20;

    /// <summary>Waits until a condition holds.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, Func<string> otherwise)
    {
        for (var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds; !condition();)
        {
            (Environment.TickCount64 < deadline).ShouldBeTrue(otherwise());
            await Task.Delay(5);
        }
    }
}
