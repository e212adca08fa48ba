namespace MeshProxy.TestSupport.Simulation;

/// <summary>What a simulated network does to those who use it. Everything random comes from the seed.</summary>
internal sealed record SimulatedNetworkOptions
{
    public int Seed { get; init; } = 1;

    /// <summary>How long bytes and connection requests travel one way.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>Bytes that a socket holds which the reader has not taken.</summary>
    public int ReceiveBufferBytes { get; init; } = 256 * 1024;

    /// <summary>Bytes that a socket takes from the writer before the network has carried them away.</summary>
    public int SendBufferBytes { get; init; } = 256 * 1024;

    /// <summary>Bytes arrive in pieces of random size, so that reads are short and heads are torn apart.</summary>
    public bool TearSegments { get; init; }

    /// <summary>Bytes arrive one at a time.</summary>
    public bool ByteByByte { get; init; }

    /// <summary>The share of sends that take only a part of the bytes, or none, and become writable again later.</summary>
    public double SendWouldBlockProbability { get; init; }

    /// <summary>The share of polls that report a socket readable or writable when nothing has happened to it.</summary>
    public double SpuriousEventProbability { get; init; }

    /// <summary>What was sent before a reset arrives together with it, as far as the receiver has room, and can be read. Otherwise the reset takes its place.</summary>
    public bool BytesArriveWithResets { get; init; }

    /// <summary>The share of arriving segments that a reset takes the place of.</summary>
    public double ResetProbability { get; init; }
}
