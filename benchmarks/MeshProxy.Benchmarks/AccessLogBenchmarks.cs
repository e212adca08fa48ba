using BenchmarkDotNet.Attributes;
using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Streams;

namespace MeshProxy.Benchmarks;

/// <summary>What a line of the access log costs its worker: formatting alone, and with the hand-over to the flusher.</summary>
[MemoryDiagnoser]
public class AccessLogBenchmarks
{
    private readonly AccessLogFormat _format = AccessLogFormat.Compile(AccessLogFormat.DefaultHttp);
    private readonly StatsStore _store = new(1);
    private readonly AccessLogEntry _entry = new RequestEntry(new StreamInfo
    {
        StartTime = DateTimeOffset.UnixEpoch,
        StartUs = 1,
        EndUs = 2001,
        Protocol = StreamProtocol.Http11,
        ResponseCode = 200,
        BytesSent = 1024,
        UpstreamHost = NetworkAddress.Loopback(9000),
    });

    private AccessLogFlusher _flusher = null!;
    private IAccessLog _log = null!;

    [GlobalSetup]
    public void Setup()
    {
        _store.EnterWorker(0);
        _flusher = new AccessLogFlusher("null", new NullOutput(), _store, new AccessLogStats(_store.Root));
        _log = new FlushedAccessLog(_format, _flusher, null, static flusher => flusher.Dispose());
    }

    [GlobalCleanup]
    public void Cleanup() => _log.Dispose();

    [Benchmark]
    public int Format()
    {
        var writer = AccessLogWriter.ForThread;
        _format.Write(_entry, writer);
        return writer.Written.Length;
    }

    [Benchmark]
    public void FormatAndQueue() => _log.Log(_entry);

    private sealed class NullOutput : IAccessLogOutput
    {
        public void Write(ReadOnlySpan<byte> lines)
        {
        }

        public void Reopen()
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class RequestEntry(StreamInfo info) : AccessLogEntry(info)
    {
        public override bool TryGetRequestHeader(string name, out ReadOnlySpan<byte> value)
        {
            value = name switch
            {
                ":method" => "GET"u8,
                ":path" => "/api/v1/things/12345?page=2"u8,
                ":authority" => "www.example.test"u8,
                "user-agent" => "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"u8,
                "x-request-id" => "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2"u8,
                "x-forwarded-for" => "192.0.2.7"u8,
                _ => default,
            };
            return !value.IsEmpty;
        }
    }
}
