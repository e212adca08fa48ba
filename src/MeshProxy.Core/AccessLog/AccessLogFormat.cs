using System.Text;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.AccessLog;

/// <summary>A format string in Envoy's command operators, compiled: literal pieces and operators.</summary>
/// <remarks>
/// <para><c>%NAME%</c>, <c>%NAME(argument)%</c>, <c>%NAME(argument):10%</c> (at most 10 bytes), <c>%%</c> for a percent sign. What is absent or
/// empty shows as <c>-</c>. The operators stand in <see cref="AccessLogOperators"/>.</para>
/// <para>Immutable, safe from any thread. Writing a line allocates nothing (but for structs of dynamic metadata and filter state).</para>
/// </remarks>
internal sealed class AccessLogFormat
{
    /// <summary>Envoy's default format of an HTTP access log.</summary>
    public const string DefaultHttp =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% "
        + "%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
        + "\"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

    /// <summary>Our default format at layer 4, where Envoy's (which is the HTTP one) would be dashes.</summary>
    public const string DefaultTcp =
        "[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
        + "\"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% \"%REQUESTED_SERVER_NAME%\" %CONNECTION_TERMINATION_DETAILS% "
        + "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\"\n";

    private readonly Piece[] _pieces;

    private AccessLogFormat(Piece[] pieces) => _pieces = pieces;

    private readonly record struct Piece(byte[]? Literal, AccessLogOperator? Operator, int MaxBytes);

    /// <summary>Compiles a format, or adds what is wrong with it and returns null.</summary>
    public static AccessLogFormat? Compile(string format, ConfigErrors errors, string path = "format")
    {
        var before = errors.Count;
        var pieces = new List<Piece>();
        var literal = new StringBuilder();
        for (var i = 0; i < format.Length;)
        {
            if (format[i] != '%')
            {
                literal.Append(format[i++]);
            }
            else if (i + 1 < format.Length && format[i + 1] == '%')
            {
                literal.Append('%');
                i += 2;
            }
            else if (Match(format, i, out var name, out var argument, out var maxBytes) is var length and > 0)
            {
                Flush();
                if (AccessLogOperators.Compile(name, argument, out var error) is { } op)
                {
                    pieces.Add(new Piece(null, op, maxBytes));
                }
                else
                {
                    errors.Add(path, error!);
                }

                i += length;
            }
            else
            {
                errors.Add(path, $"has a '%' at character {i + 1} that begins no operator: write %NAME%, %NAME(argument)%, %NAME(argument):bytes%, or %% for the sign itself");
                i++;
            }
        }

        Flush();
        return errors.Count == before ? new AccessLogFormat([.. pieces]) : null;

        void Flush()
        {
            if (literal.Length > 0)
            {
                pieces.Add(new Piece(Encoding.UTF8.GetBytes(literal.ToString()), null, 0));
                literal.Clear();
            }
        }
    }

    /// <exception cref="ConfigException">The format is wrong.</exception>
    public static AccessLogFormat Compile(string format)
    {
        var errors = new ConfigErrors();
        var compiled = Compile(format, errors);
        errors.ThrowIfAny();
        return compiled!;
    }

    /// <summary>Appends the line of an entry.</summary>
    public void Write(AccessLogEntry entry, AccessLogWriter writer)
    {
        foreach (ref readonly var piece in _pieces.AsSpan())
        {
            writer.SetLimit(int.MaxValue);
            if (piece.Literal is { } literal)
            {
                writer.Append(literal);
                continue;
            }

            writer.SetLimit(piece.MaxBytes);
            if (!piece.Operator!(entry, writer))
            {
                writer.Append((byte)'-');
            }
        }

        writer.SetLimit(int.MaxValue);
    }

    // %NAME(argument):bytes% from start. The argument ends at the first ) that the rest of the form follows, for it may hold ) and % (START_TIME).
    private static int Match(string format, int start, out string name, out string? argument, out int maxBytes)
    {
        argument = null;
        maxBytes = int.MaxValue;
        var i = start + 1;
        while (i < format.Length && (char.IsAsciiLetterUpper(format[i]) || char.IsAsciiDigit(format[i]) || format[i] == '_'))
        {
            i++;
        }

        name = format[(start + 1)..i];
        if (name.Length == 0 || i == format.Length)
        {
            return 0;
        }

        if (format[i] != '(')
        {
            return MatchEnd(format, i, ref maxBytes) is var end and > 0 ? end - start : 0;
        }

        for (var close = format.IndexOf(')', i); close >= 0; close = format.IndexOf(')', close + 1))
        {
            if (MatchEnd(format, close + 1, ref maxBytes) is var end and > 0)
            {
                argument = format[(i + 1)..close];
                return end - start;
            }
        }

        return 0;
    }

    private static int MatchEnd(string format, int i, ref int maxBytes)
    {
        var limit = int.MaxValue;
        if (i < format.Length && format[i] == ':')
        {
            var first = ++i;
            while (i < format.Length && char.IsAsciiDigit(format[i]))
            {
                i++;
            }

            if (!int.TryParse(format.AsSpan(first, i - first), out limit))
            {
                return 0;
            }
        }

        if (i >= format.Length || format[i] != '%')
        {
            return 0;
        }

        maxBytes = limit;
        return i + 1;
    }
}
