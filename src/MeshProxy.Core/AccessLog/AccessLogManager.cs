using MeshProxy.Core.Config;
using MeshProxy.Core.Stats;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.AccessLog;

/// <summary>Makes a server's access logs, and shares their outputs: one thread a file, whoever logs to it, and one for all loggers of a category.</summary>
/// <remarks>Control side. Dispose it after the workers have stopped: that writes what still waits.</remarks>
internal sealed class AccessLogManager : IDisposable
{
    // A person may be looking at the logger's console.
    private static readonly TimeSpan LoggerInterval = TimeSpan.FromMilliseconds(100);

    private readonly StatsStore _store;
    private readonly AccessLogStats _stats;
    private readonly ILoggerFactory? _loggers;
    private readonly ILogger? _logger;
    private readonly Dictionary<string, Shared> _outputs = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <param name="loggers">Null: logs to an ILogger are refused.</param>
    public AccessLogManager(StatsStore store, ILoggerFactory? loggers = null)
    {
        _store = store;
        _stats = new AccessLogStats(store.Root);
        _loggers = loggers;
        _logger = loggers?.CreateLogger("MeshProxy.AccessLog");
    }

    private sealed class Shared(AccessLogFlusher flusher)
    {
        public readonly AccessLogFlusher Flusher = flusher;
        public int Users;
    }

    /// <summary>Makes an access log and opens its output; or adds what is wrong (format, path) to <paramref name="errors"/> and returns null.</summary>
    /// <param name="defaultFormat">What a null <see cref="AccessLogConfig.Format"/> means here.</param>
    public IAccessLog? Create(AccessLogConfig config, string defaultFormat, ConfigErrors errors)
    {
        var format = AccessLogFormat.Compile(config.Format ?? defaultFormat, errors);
        if (config.Path is null == config.Logger is null)
        {
            errors.Add("needs exactly one of path and logger");
            return null;
        }

        if (format is null)
        {
            return null;
        }

        lock (_lock)
        {
            return config.Path is { } path
                ? Share("file " + path, () => OpenFile(path, errors)) is { } file ? new FlushedAccessLog(format, file, null, Release) : null
                : Share("logger " + config.Logger, () => OpenLogger(config.Logger!, errors)) is { } logger
                    ? new FlushedAccessLog(format, logger, LoggerAccessLogOutput.Separator, Release)
                    : null;
        }
    }

    /// <summary>Makes all access logs of one owner, or none.</summary>
    /// <param name="defaultFormat">What a null <see cref="AccessLogConfig.Format"/> means here.</param>
    /// <param name="owner">The owner's path, for errors.</param>
    /// <exception cref="ConfigException">One of them cannot be made; all errors are in it.</exception>
    public IAccessLog[] CreateAll(EquatableArray<AccessLogConfig> configs, string defaultFormat, string owner)
    {
        if (configs.IsEmpty)
        {
            return [];
        }

        var errors = new ConfigErrors();
        var logs = new List<IAccessLog>(configs.Count);
        for (var i = 0; i < configs.Count; i++)
        {
            if (Create(configs[i], defaultFormat, errors.Field(owner).Field("access_log", i)) is { } log)
            {
                logs.Add(log);
            }
        }

        if (!errors.IsEmpty)
        {
            logs.ForEach(static log => log.Dispose());
            errors.ThrowIfAny();
        }

        return [.. logs];
    }

    /// <summary>Opens all files anew, after they were renamed (log rotation). Does not wait for it.</summary>
    public void ReopenAll()
    {
        foreach (var flusher in Flushers())
        {
            flusher.Reopen();
        }
    }

    /// <summary>Returns when every line logged before is written. Blocks: not on a worker.</summary>
    public void Flush()
    {
        foreach (var flusher in Flushers())
        {
            flusher.Flush();
        }
    }

    /// <summary>Writes what waits and closes all outputs.</summary>
    public void Dispose()
    {
        foreach (var flusher in Flushers())
        {
            flusher.Dispose();
        }

        lock (_lock)
        {
            _outputs.Clear();
        }
    }

    private AccessLogFlusher[] Flushers()
    {
        lock (_lock)
        {
            return [.. _outputs.Values.Select(static o => o.Flusher)];
        }
    }

    private AccessLogFlusher? Share(string key, Func<AccessLogFlusher?> open)
    {
        if (!_outputs.TryGetValue(key, out var shared))
        {
            if (open() is not { } flusher)
            {
                return null;
            }

            shared = new Shared(flusher);
            _outputs.Add(key, shared);
        }

        shared.Users++;
        return shared.Flusher;
    }

    private void Release(AccessLogFlusher flusher)
    {
        lock (_lock)
        {
            foreach (var (key, shared) in _outputs)
            {
                if (shared.Flusher == flusher)
                {
                    if (--shared.Users > 0)
                    {
                        return;
                    }

                    _outputs.Remove(key);
                    break;
                }
            }
        }

        flusher.Dispose();
    }

    private AccessLogFlusher? OpenFile(string path, ConfigErrors errors)
    {
        try
        {
            return new AccessLogFlusher(path, new FileAccessLogOutput(path), _store, _stats, _logger);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            errors.Add("path", $"cannot be opened for appending: {e.Message}");
            return null;
        }
    }

    private AccessLogFlusher? OpenLogger(string category, ConfigErrors errors)
    {
        if (_loggers is null)
        {
            errors.Add("logger", "needs an ILoggerFactory, and the server was given none");
            return null;
        }

        return new AccessLogFlusher("logger " + category, new LoggerAccessLogOutput(_loggers.CreateLogger(category)), _store, _stats, _logger, LoggerInterval);
    }
}
