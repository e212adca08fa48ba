using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Upstream;

/// <summary>Why a host is not to be used. No flag: healthy.</summary>
[Flags]
public enum HostHealthFlags
{
    None = 0,
    FailedActiveHealthCheck = 1,
    FailedOutlierCheck = 2,
    FailedEdsHealth = 4,
    DegradedEdsHealth = 8,
    PendingRemoval = 16,
}

/// <summary>One upstream address of a cluster at run time: shared by all workers.</summary>
/// <remarks>Health and load counters are the only parts that change; they are read without a lock.</remarks>
public sealed class Host
{
    private readonly object?[] _workerState;
    private int _health;

    internal Host(NetworkAddress address, string hostname, uint weight, uint priority, int workerCount)
    {
        Address = address;
        Hostname = hostname;
        Weight = weight;
        Priority = priority;
        AddressText = address.ToString();
        _workerState = new object?[workerCount];
    }

    public NetworkAddress Address { get; }

    /// <summary>The address as access logs show it.</summary>
    public string AddressText { get; }

    /// <summary>The configured name, for health checks and logical DNS; may be empty.</summary>
    public string Hostname { get; }

    /// <value>1 to 4294967295; 1 by default.</value>
    public uint Weight { get; }

    /// <value>0, the highest, by default.</value>
    public uint Priority { get; }

    public HostStats Stats { get; } = new();

    public HostHealthFlags Health => (HostHealthFlags)Volatile.Read(ref _health);

    public bool IsHealthy => (Health & ~HostHealthFlags.DegradedEdsHealth) == 0;

    internal void SetHealth(HostHealthFlags flag, bool on) =>
        _ = on ? Interlocked.Or(ref _health, (int)flag) : Interlocked.And(ref _health, ~(int)flag);

    /// <summary>What a worker keeps for this host (its connection pool). Touched by that worker alone.</summary>
    internal ref object? WorkerState(int workerIndex) => ref _workerState[workerIndex];

    public override string ToString() => AddressText;
}
