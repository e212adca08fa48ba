namespace MeshProxy.TestSupport;

/// <summary>How tests wait: for a condition, never for a time.</summary>
public static class Waiting
{
    /// <summary>How long something that must happen may take before the test fails: more than any stall of a machine that is shared with others. 30 seconds.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long something may take that must happen of itself and not because a timer fires: less than the shortest timeout of the engine's defaults
    /// that would bring it about too (a route's 15 seconds), and as far as that allows from what a busy machine needs. 10 seconds.
    /// </summary>
    public static readonly TimeSpan NoTimer = TimeSpan.FromSeconds(10);

    /// <summary>Waits until a condition holds.</summary>
    /// <param name="condition">Any thread.</param>
    /// <param name="otherwise">What to say when it does not come to hold.</param>
    /// <param name="patience">Null for <see cref="Patience"/>.</param>
    /// <exception cref="TimeoutException">It did not hold in time.</exception>
    public static Task EventuallyAsync(Func<bool> condition, Func<string> otherwise, TimeSpan? patience = null) =>
        EventuallyAsync(() => Task.FromResult(condition()), otherwise, patience);

    /// <inheritdoc cref="EventuallyAsync(Func{bool}, Func{string}, TimeSpan?)"/>
    public static async Task EventuallyAsync(Func<Task<bool>> condition, Func<string> otherwise, TimeSpan? patience = null)
    {
        // Not the wall clock: virtual machines set theirs.
        var deadlineMs = Environment.TickCount64 + (long)(patience ?? Patience).TotalMilliseconds;
        while (!await condition())
        {
            if (Environment.TickCount64 > deadlineMs && !await condition())
            {
                throw new TimeoutException(otherwise());
            }

            await Task.Delay(5);
        }
    }
}
