using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Event;

internal sealed record WatchdogOptions
{
    /// <value>200 ms (Envoy: <c>miss_timeout</c>).</value>
    public TimeSpan Miss { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <value>1 second (Envoy: <c>megamiss_timeout</c>).</value>
    public TimeSpan MegaMiss { get; init; } = TimeSpan.FromSeconds(1);

    public ILogger Logger { get; init; } = NullLogger.Instance;

    public IWatchdogStats? Stats { get; init; }
}

/// <summary>Counts late workers. Called on the watchdog's thread.</summary>
internal interface IWatchdogStats
{
    void Miss(int worker);

    void MegaMiss(int worker);
}
