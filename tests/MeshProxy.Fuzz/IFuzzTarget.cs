namespace MeshProxy.Fuzz;

/// <summary>One parser and what must hold for it whatever it is fed. A broken rule throws.</summary>
internal interface IFuzzTarget
{
    /// <summary>Messages to begin from: at least one for each thing that the parser knows.</summary>
    static abstract IReadOnlyList<string> Seeds { get; }

    /// <summary>Pieces of the grammar that a mutation may put in.</summary>
    static abstract IReadOnlyList<string> Tokens { get; }

    static abstract void Fuzz(ReadOnlySpan<byte> data);
}
