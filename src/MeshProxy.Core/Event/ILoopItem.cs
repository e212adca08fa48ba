namespace MeshProxy.Core.Event;

/// <summary>Something that a loop runs once: an item of the ready queue or of the flush list. It is its own queue node, so queueing allocates nothing.</summary>
internal interface ILoopItem
{
    void Run();
}
