using System.Numerics;

namespace MeshProxy.Core.Event;

/// <summary>
/// A hierarchical timing wheel: five levels of 64 slots with ticks of 1 ms, so that level 0 spans 64 ms and level 4 spans
/// 12.4 days. Arming and cancelling are O(1); a bitmap a level finds the next occupied slot.
/// </summary>
/// <remarks>
/// A timer stands on the level of the highest base-64 digit in which its tick differs from <c>_elapsed</c>, so it moves down a
/// level when the wheel enters its slot, and timers of one tick fire in the order in which they were armed. A timer beyond the
/// top level waits in the last slot that the wheel can tell apart and is placed anew from there. Single-threaded.
/// </remarks>
internal sealed class TimingWheel
{
    private const int Levels = 5;
    private const int BitsPerLevel = 6;
    private const int SlotsPerLevel = 1 << BitsPerLevel;
    private const int SlotMask = SlotsPerLevel - 1;
    private const int TopLevel = Levels - 1;
    private const int TopShift = TopLevel * BitsPerLevel;
    private const int ImmediateSlot = Levels * SlotsPerLevel;
    private const int FiringSlot = ImmediateSlot + 1;

    private readonly LoopTimer?[] _heads = new LoopTimer?[FiringSlot + 1];
    private readonly ulong[] _occupied = new ulong[Levels];
    private long _elapsed;

    public TimingWheel(long nowMs)
    {
        _elapsed = nowMs;
    }

    /// <summary>How many timers are armed.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a timer without delay waits for the next phase.</summary>
    public bool HasImmediate => _heads[ImmediateSlot] is not null;

    /// <summary>Arms a timer for a tick; one that is armed moves. A tick that has passed fires in the next phase.</summary>
    public void Arm(LoopTimer timer, long tick)
    {
        if (timer.Slot >= 0)
        {
            Remove(timer);
        }

        timer.Tick = tick;
        Place(timer);
    }

    /// <summary>Arms a timer for the next phase.</summary>
    public void ArmImmediate(LoopTimer timer)
    {
        if (timer.Slot >= 0)
        {
            Remove(timer);
        }

        Link(timer, ImmediateSlot);
    }

    public void Remove(LoopTimer timer)
    {
        var slot = timer.Slot;
        var next = timer.Next;
        ref var head = ref _heads[slot];
        if (ReferenceEquals(head, timer))
        {
            head = next;
            if (next is not null)
            {
                next.Previous = timer.Previous;
            }
            else if (slot < ImmediateSlot)
            {
                _occupied[slot >> BitsPerLevel] &= ~(1UL << (slot & SlotMask));
            }
        }
        else
        {
            timer.Previous!.Next = next;
            (next ?? head!).Previous = timer.Previous;
        }

        timer.Next = null;
        timer.Previous = null;
        timer.Slot = -1;
        Count--;
    }

    /// <summary>Starts a phase: the timers without delay that were armed up to now are due in it, later ones in the next.</summary>
    public void BeginPhase()
    {
        while (_heads[ImmediateSlot] is { } timer)
        {
            Remove(timer);
            Link(timer, FiringSlot);
        }
    }

    /// <summary>Takes the next timer that is due at <paramref name="nowMs"/>, or null when the phase is over.</summary>
    public LoopTimer? PopDue(long nowMs)
    {
        if (_heads[FiringSlot] is { } immediate)
        {
            Remove(immediate);
            return immediate;
        }

        while (TryFindNext(out var level, out var slot, out var tick) && tick <= nowMs)
        {
            _elapsed = tick;
            if (level == 0)
            {
                var due = _heads[slot]!;
                Remove(due);
                return due;
            }

            Cascade(level, slot);
        }

        if (nowMs > _elapsed)
        {
            _elapsed = nowMs;
        }

        return null;
    }

    /// <summary>The tick at which the wheel wants to be turned next: that of the next timer, or an earlier one at which timers move down a level.</summary>
    public bool TryGetNextTick(out long tick) => TryFindNext(out _, out _, out tick);

    private bool TryFindNext(out int level, out int slot, out long tick)
    {
        for (level = 0; level < Levels; level++)
        {
            var occupied = _occupied[level];
            if (occupied == 0)
            {
                continue;
            }

            var shift = level * BitsPerLevel;
            var current = (int)(_elapsed >> shift) & SlotMask;
            var ahead = BitOperations.TrailingZeroCount(BitOperations.RotateRight(occupied, current));
            slot = (current + ahead) & SlotMask;
            tick = ((_elapsed >> shift) + ahead) << shift;
            return true;
        }

        slot = 0;
        tick = 0;
        return false;
    }

    private void Place(LoopTimer timer)
    {
        var tick = timer.Tick;
        if (tick <= _elapsed)
        {
            Link(timer, ImmediateSlot);
            return;
        }

        var level = (63 - BitOperations.LeadingZeroCount((ulong)((_elapsed ^ tick) | SlotMask))) / BitsPerLevel;
        if (level >= TopLevel)
        {
            level = TopLevel;
            var digit = Math.Min(tick >> TopShift, (_elapsed >> TopShift) + SlotMask);
            Link(timer, (TopLevel << BitsPerLevel) | (int)(digit & SlotMask));
            return;
        }

        Link(timer, (level << BitsPerLevel) | ((int)(tick >> (level * BitsPerLevel)) & SlotMask));
    }

    private void Cascade(int level, int slot)
    {
        var index = (level << BitsPerLevel) | slot;
        var timer = _heads[index];
        _heads[index] = null;
        _occupied[level] &= ~(1UL << slot);
        while (timer is not null)
        {
            var next = timer.Next;
            timer.Next = null;
            timer.Previous = null;
            Count--;
            if (timer.Tick == _elapsed)
            {
                Link(timer, (int)(timer.Tick & SlotMask));
            }
            else
            {
                Place(timer);
            }

            timer = next;
        }
    }

    private void Link(LoopTimer timer, int slot)
    {
        ref var head = ref _heads[slot];
        if (head is null)
        {
            head = timer;
            timer.Previous = timer;
            if (slot < ImmediateSlot)
            {
                _occupied[slot >> BitsPerLevel] |= 1UL << (slot & SlotMask);
            }
        }
        else
        {
            var tail = head.Previous!;
            tail.Next = timer;
            timer.Previous = tail;
            head.Previous = timer;
        }

        timer.Next = null;
        timer.Slot = slot;
        Count++;
    }
}
