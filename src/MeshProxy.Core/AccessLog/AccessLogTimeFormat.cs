using System.Text;

namespace MeshProxy.Core.AccessLog;

/// <summary>The argument of <c>%START_TIME(...)%</c>: a subset of strftime, with Envoy's <c>%s</c>, <c>%f</c> and <c>%1f</c> to <c>%9f</c>. In UTC.</summary>
internal static class AccessLogTimeFormat
{
    private static readonly string[] Months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    private static readonly string[] Days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

    private delegate void Part(DateTime utc, AccessLogWriter writer);

    public static AccessLogOperator? Compile(string format, out string? error)
    {
        error = null;
        var parts = new List<Part>();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                var end = format.IndexOf('%', i) is var next and >= 0 ? next : format.Length;
                var literal = Encoding.UTF8.GetBytes(format[i..end]);
                parts.Add((_, w) => w.Append(literal));
                i = end - 1;
                continue;
            }

            var specifier = ++i < format.Length ? format[i] : '\0';
            if (specifier is >= '1' and <= '9' && i + 1 < format.Length && format[i + 1] == 'f')
            {
                i++;
                parts.Add(Fraction(specifier - '0'));
            }
            else if (Find(specifier) is { } part)
            {
                parts.Add(part);
            }
            else
            {
                error = $"has %START_TIME({format})% with an unknown time specifier: known are %Y %y %m %d %e %j %H %M %S %T %F %D %R %s %f %1f to %9f %b %a %z %Z %%";
                return null;
            }
        }

        var compiled = parts.ToArray();
        return (e, w) =>
        {
            var utc = e.Info.StartTime.UtcDateTime;
            foreach (var part in compiled)
            {
                part(utc, w);
            }

            return compiled.Length > 0;
        };
    }

    private static Part? Find(char specifier) => specifier switch
    {
        'Y' => static (t, w) => w.AppendDigits(t.Year, 4),
        'y' => static (t, w) => w.AppendDigits(t.Year % 100, 2),
        'm' => static (t, w) => w.AppendDigits(t.Month, 2),
        'd' => static (t, w) => w.AppendDigits(t.Day, 2),
        'e' => static (t, w) => w.AppendText(t.Day < 10 ? $" {t.Day}" : $"{t.Day}"),
        'j' => static (t, w) => w.AppendDigits(t.DayOfYear, 3),
        'H' => static (t, w) => w.AppendDigits(t.Hour, 2),
        'M' => static (t, w) => w.AppendDigits(t.Minute, 2),
        'S' => static (t, w) => w.AppendDigits(t.Second, 2),
        'T' => static (t, w) => Joined(w, ':', t.Hour, t.Minute, t.Second),
        'F' => static (t, w) => Date(w, t),
        'D' => static (t, w) => Joined(w, '/', t.Month, t.Day, t.Year % 100),
        'R' => static (t, w) => Joined(w, ':', t.Hour, t.Minute),
        's' => static (t, w) => w.AppendNumber((t.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond),
        'f' => Fraction(9),
        'b' => static (t, w) => w.AppendText(Months[t.Month - 1]),
        'a' => static (t, w) => w.AppendText(Days[(int)t.DayOfWeek]),
        'z' => static (_, w) => w.Append("+0000"u8),
        'Z' => static (_, w) => w.Append("UTC"u8),
        '%' => static (_, w) => w.Append((byte)'%'),
        _ => null,
    };

    private static void Date(AccessLogWriter writer, DateTime utc)
    {
        writer.AppendDigits(utc.Year, 4);
        writer.Append((byte)'-');
        Joined(writer, '-', utc.Month, utc.Day);
    }

    private static void Joined(AccessLogWriter writer, char separator, params ReadOnlySpan<int> numbers)
    {
        for (var i = 0; i < numbers.Length; i++)
        {
            if (i > 0)
            {
                writer.Append((byte)separator);
            }

            writer.AppendDigits(numbers[i], 2);
        }
    }

    private static Part Fraction(int digits) => (t, w) =>
    {
        var nanoseconds = t.Ticks % TimeSpan.TicksPerSecond * 100;
        for (var i = digits; i < 9; i++)
        {
            nanoseconds /= 10;
        }

        w.AppendDigits(nanoseconds, digits);
    };
}
