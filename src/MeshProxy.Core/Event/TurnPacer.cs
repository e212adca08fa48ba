using System.Diagnostics;

namespace MeshProxy.Core.Event;

/// <summary>
/// Decides when a loop lets input gather before it looks for it again: a loop that is faster than its peers otherwise wakes for every
/// single message of many streams, and pays a wait, a receive and a send for each.
/// </summary>
/// <remarks>
/// Loop thread only. It goes by what it sees, over windows of <see cref="WindowTurns"/> turns: while the loop is busy with messages of
/// multiplexed connections it tries turns that are at least an interval apart, and keeps them only if a turn then finds more
/// messages and no fewer are done in the same time. So a client that waits for each answer before it asks again is not slowed, nor is a loop
/// that has no time left: turns that are longer than the interval are never put off. ADR 9.
/// </remarks>
internal sealed class TurnPacer
{
    /// <summary>How many turns are judged together.</summary>
    public const int WindowTurns = 256;

    /// <summary>A window that took longer than this, in microseconds, is not busy enough to be worth a thought; a paced one may take twice its intervals.</summary>
    public const int MaxWindowUs = WindowTurns * 100;

    private const int PacedWindows = 64;
    private const int MinRestWindows = 8;
    private const int MaxRestWindows = 512;
    private const double MinMessagesPerTurn = 0.5;
    private const double MinGain = 1.25;
    private const double MinRate = 0.9;

    private readonly int _intervalUs;
    private Phase _phase;
    private int _turns;
    private long _windowStartUs;
    private long _messages;
    private int _windowsLeft;
    private int _restWindows = MinRestWindows;
    private double _freePerTurn;
    private double _freeRate;

    /// <param name="intervalUs">How far apart paced turns are at least, in microseconds; more than zero.</param>
    public TurnPacer(int intervalUs)
    {
        Debug.Assert(intervalUs > 0);
        _intervalUs = intervalUs;
    }

    private enum Phase : byte
    {
        /// <summary>Turns follow each other as events do; what they find is what a trial is compared with.</summary>
        Free,
        Trial,
        Paced,
    }

    /// <summary>Whether turns are kept apart at present.</summary>
    public bool IsPacing => _phase != Phase.Free;

    /// <summary>Counts messages (heads and pieces of bodies) that the turn under way has found.</summary>
    public void Count(int messages) => _messages += messages;

    /// <summary>How long the loop should wait before it looks for events, in microseconds; zero: not at all.</summary>
    public int PauseUs(long turnStartUs, long nowUs) => IsPacing ? (int)Math.Clamp(turnStartUs + _intervalUs - nowUs, 0, _intervalUs) : 0;

    /// <summary>A turn that began at this time is over.</summary>
    public void OnTurnEnd(long turnStartUs)
    {
        if (_turns++ == 0)
        {
            // The window begins with this turn, whose messages came before it.
            _windowStartUs = turnStartUs;
            _messages = 0;
        }
        else if (_turns > WindowTurns)
        {
            EndWindow(Math.Max(1, turnStartUs - _windowStartUs));
            _turns = 0;
        }
    }

    private void EndWindow(long elapsedUs)
    {
        var perTurn = (double)_messages / WindowTurns;
        var rate = (double)_messages / elapsedUs;
        var maxUs = IsPacing ? Math.Max(MaxWindowUs, 2L * WindowTurns * _intervalUs) : MaxWindowUs;
        var busy = elapsedUs <= maxUs && perTurn >= MinMessagesPerTurn;
        switch (_phase)
        {
            case Phase.Free when busy && --_windowsLeft <= 0:
                _freePerTurn = perTurn;
                _freeRate = rate;
                _phase = Phase.Trial;
                break;

            case Phase.Trial when busy && perTurn >= _freePerTurn * MinGain && rate >= _freeRate * MinRate:
                _restWindows = MinRestWindows;
                _windowsLeft = PacedWindows;
                _phase = Phase.Paced;
                break;

            case Phase.Trial:
                _windowsLeft = _restWindows;
                _restWindows = Math.Min(_restWindows * 2, MaxRestWindows);
                _phase = Phase.Free;
                break;

            case Phase.Paced when !busy || --_windowsLeft <= 0:
                _windowsLeft = 0;
                _phase = Phase.Free;
                break;
        }
    }
}
