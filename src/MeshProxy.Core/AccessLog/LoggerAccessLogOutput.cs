using System.Text;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.AccessLog;

/// <summary>Hands each line to an <see cref="ILogger"/>, at level Information, on the flusher's thread.</summary>
internal sealed class LoggerAccessLogOutput(ILogger logger) : IAccessLogOutput
{
    /// <summary>Ends an entry. No value holds it, for control bytes are escaped; a line break within an entry comes from the format.</summary>
    public const byte Separator = 0x1E;

    private static readonly EventId AccessLogEvent = new(1, "AccessLog");

    public void Write(ReadOnlySpan<byte> lines)
    {
        if (!logger.IsEnabled(LogLevel.Information))
        {
            return;
        }

        while (!lines.IsEmpty)
        {
            var end = lines.IndexOf(Separator);
            var line = Encoding.UTF8.GetString(end < 0 ? lines : lines[..end]);
            lines = end < 0 ? default : lines[(end + 1)..];
            logger.Log(LogLevel.Information, AccessLogEvent, line.TrimEnd('\n'), null, static (text, _) => text);
        }
    }

    public void Reopen()
    {
        // A logger rotates its own files.
    }

    public void Dispose()
    {
        // The app owns the logger.
    }
}
