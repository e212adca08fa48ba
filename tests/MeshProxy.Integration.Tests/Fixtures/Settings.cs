using MeshProxy.Core.Event;
using MeshProxy.TestSupport;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>What the environment says about a run.</summary>
internal static class Settings
{
    /// <summary>How long to wait for something that must happen, before the test fails.</summary>
    public static readonly TimeSpan Patience = Waiting.Patience;

    /// <summary>What a peer's abort may take to reach the other side: a timer would take longer. How fast it is says the benchmark (10 ms).</summary>
    public static readonly TimeSpan AbortBound = Waiting.NoTimer;

    /// <summary>A timeout that is to fire after the proxy has done its part, which takes milliseconds unless code is compiled and others have the cores.</summary>
    public static readonly TimeSpan LateTimeout = TimeSpan.FromSeconds(3);

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
    public static Task EventuallyAsync(Func<bool> condition, Func<string> otherwise) => Waiting.EventuallyAsync(condition, otherwise);
}
