using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Config;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Streams;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Tests.AccessLog;

public sealed class AccessLogManagerTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("meshproxy-log");
    private readonly StatsStore _store = new(1);

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Log_ToAFile_IsThereAfterDispose()
    {
        using (var manager = new AccessLogManager(_store))
        {
            var log = Create(manager, new AccessLogConfig { Path = PathOf("a.log") });
            log.Log(Entry("one"));
            log.Log(Entry("two"));
        }

        File.ReadAllText(PathOf("a.log")).ShouldBe("one\ntwo\n");
    }

    [Fact]
    public void File_ThatExists_IsAppendedTo()
    {
        File.WriteAllText(PathOf("a.log"), "before\n");
        using (var manager = new AccessLogManager(_store))
        {
            Create(manager, new AccessLogConfig { Path = PathOf("a.log") }).Log(Entry("one"));
        }

        File.ReadAllText(PathOf("a.log")).ShouldBe("before\none\n");
    }

    [Fact]
    public void TwoLogs_OfOnePath_ShareItsThreadAndFile()
    {
        using var manager = new AccessLogManager(_store);
        var first = Create(manager, new AccessLogConfig { Path = PathOf("a.log") });
        var second = Create(manager, new AccessLogConfig { Path = PathOf("a.log"), Format = "2 %ROUTE_NAME%\n" });
        first.Log(Entry("one"));
        first.Dispose();
        first.Dispose();
        second.Log(Entry("two"));
        second.Dispose();

        // Both are gone, so all is written and the file is closed.
        File.ReadAllText(PathOf("a.log")).ShouldBe("one\n2 two\n");
        Create(manager, new AccessLogConfig { Path = PathOf("a.log") }).Log(Entry("three"));
        manager.Flush();
        File.ReadAllText(PathOf("a.log")).ShouldBe("one\n2 two\nthree\n");
    }

    [Fact]
    public void ReopenAll_AfterARename_GoesOnInANewFile()
    {
        using var manager = new AccessLogManager(_store);
        var log = Create(manager, new AccessLogConfig { Path = PathOf("a.log") });
        log.Log(Entry("one"));
        manager.Flush();
        File.Move(PathOf("a.log"), PathOf("a.log.1"));
        log.Log(Entry("two"));
        manager.Flush();
        manager.ReopenAll();
        manager.Flush();
        log.Log(Entry("three"));
        manager.Flush();
        File.ReadAllText(PathOf("a.log.1")).ShouldBe("one\ntwo\n");
        File.ReadAllText(PathOf("a.log")).ShouldBe("three\n");
    }

    [Fact]
    public void File_TruncatedByAnother_IsWrittenFromItsStart()
    {
        using var manager = new AccessLogManager(_store);
        var log = Create(manager, new AccessLogConfig { Path = PathOf("a.log") });
        log.Log(Entry("one"));
        manager.Flush();
        using (var other = new FileStream(PathOf("a.log"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            other.SetLength(0);
        }

        log.Log(Entry("two"));
        manager.Flush();
        File.ReadAllText(PathOf("a.log")).ShouldBe("two\n");
    }

    [Fact]
    public void TwoManagers_OnOneFile_DoNotOverwriteEachOther()
    {
        using (var a = new AccessLogManager(_store))
        using (var b = new AccessLogManager(new StatsStore(1)))
        {
            var first = Create(a, new AccessLogConfig { Path = PathOf("a.log") });
            var second = Create(b, new AccessLogConfig { Path = PathOf("a.log") });
            for (var i = 0; i < 20; i++)
            {
                first.Log(Entry("a"));
                a.Flush();
                second.Log(Entry("b"));
                b.Flush();
            }
        }

        File.ReadAllText(PathOf("a.log")).ShouldBe(string.Concat(Enumerable.Repeat("a\nb\n", 20)));
    }

    [Fact]
    public void Create_WithErrors_NamesThemAll()
    {
        using var manager = new AccessLogManager(_store);
        var errors = new ConfigErrors();
        manager.Create(new AccessLogConfig { Path = PathOf("no/such/dir.log") }, "x", errors.Field("access_log", 0)).ShouldBeNull();
        manager.Create(new AccessLogConfig { Path = _directory.FullName }, "x", errors.Field("access_log", 1)).ShouldBeNull();
        manager.Create(new AccessLogConfig { Format = "%NOSUCH%" }, "x", errors.Field("access_log", 2)).ShouldBeNull();
        manager.Create(new AccessLogConfig { Logger = "x" }, "x", errors.Field("access_log", 3)).ShouldBeNull();
        errors.All.Select(e => e.Path).ShouldBe(["access_log[0].path", "access_log[1].path", "access_log[2].format", "access_log[2]", "access_log[3].logger"]);
    }

    [Fact]
    public void Log_ToALogger_GetsWholeEntriesOffTheWorker()
    {
        var loggers = new RecordingLoggers();
        using (var manager = new AccessLogManager(_store, loggers))
        {
            var log = Create(manager, new AccessLogConfig { Logger = "Proxy.Access", Format = "a\n%ROUTE_NAME%\n" });
            log.Log(Entry("one\nx"));
            log.Log(Entry("two"));
        }

        loggers.Seen.ShouldBe(["Proxy.Access: a\none\\x0Ax", "Proxy.Access: a\ntwo"]);
        loggers.Threads.ShouldNotContain(Environment.CurrentManagedThreadId);
    }

    private static IAccessLog Create(AccessLogManager manager, AccessLogConfig config)
    {
        var errors = new ConfigErrors();
        var log = manager.Create(config, "%ROUTE_NAME%\n", errors);
        errors.ThrowIfAny();
        return log!;
    }

    private static AccessLogEntry Entry(string route) => new(new StreamInfo { RouteName = route });

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private sealed class RecordingLoggers : ILoggerFactory
    {
        public List<string> Seen { get; } = [];

        public HashSet<int> Threads { get; } = [];

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

        public void Dispose()
        {
        }

        private sealed class Recorder(RecordingLoggers owner, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                owner.Seen.Add($"{category}: {formatter(state, exception)}");
                owner.Threads.Add(Environment.CurrentManagedThreadId);
            }
        }
    }
}
