namespace MeshProxy.Core.Event;

/// <summary>A first-in first-out ring that grows and never shrinks, so that it allocates nothing once it is warm. Single-threaded.</summary>
internal struct ItemRing
{
    private ILoopItem?[] _items;
    private int _head;

    public ItemRing(int capacity)
    {
        _items = new ILoopItem?[capacity];
    }

    public int Count { get; private set; }

    public void Enqueue(ILoopItem item)
    {
        if (Count == _items.Length)
        {
            Grow();
        }

        _items[(_head + Count) & (_items.Length - 1)] = item;
        Count++;
    }

    /// <summary>Takes the oldest item. The ring must not be empty.</summary>
    public ILoopItem Dequeue()
    {
        var item = _items[_head]!;
        _items[_head] = null;
        _head = (_head + 1) & (_items.Length - 1);
        Count--;
        return item;
    }

    private void Grow()
    {
        var bigger = new ILoopItem?[_items.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            bigger[i] = _items[(_head + i) & (_items.Length - 1)];
        }

        _items = bigger;
        _head = 0;
    }
}
