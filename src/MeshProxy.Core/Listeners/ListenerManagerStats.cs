using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Listeners;

/// <summary><c>listener_manager.</c></summary>
internal sealed class ListenerManagerStats(StatsScope scope)
{
    public Counter Added { get; } = scope.Counter("listener_added");

    public Counter Modified { get; } = scope.Counter("listener_modified");

    public Counter Removed { get; } = scope.Counter("listener_removed");

    public Counter Stopped { get; } = scope.Counter("listener_stopped");

    /// <summary>Modified in its filter chains alone.</summary>
    public Counter InPlaceUpdated { get; } = scope.Counter("listener_in_place_updated");

    public Counter CreateSuccess { get; } = scope.Counter("listener_create_success");

    public Counter CreateFailure { get; } = scope.Counter("listener_create_failure");

    public Gauge Active { get; } = scope.Gauge("total_listeners_active");

    public Gauge Draining { get; } = scope.Gauge("total_listeners_draining");

    public Gauge FilterChainsDraining { get; } = scope.Gauge("total_filter_chains_draining");

    public Gauge WorkersStarted { get; } = scope.Gauge("workers_started");
}
