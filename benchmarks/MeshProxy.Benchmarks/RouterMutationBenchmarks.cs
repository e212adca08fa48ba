using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Headers;

namespace MeshProxy.Benchmarks;

/// <summary>What the connection manager's changes to heads cost. Each of the first four includes making the head: take <see cref="HeadAlone"/> off.</summary>
[MemoryDiagnoser]
public class RouterMutationBenchmarks
{
    private const int PathLength = 26;

    private static readonly HttpConnectionManagerConfig Plain = new() { StatPrefix = "bench", RouteConfig = new() };

    private readonly SlabPool _slabs = new();
    private readonly RequestIds _ids = new();
    private readonly byte[] _id = new byte[RequestIds.Length];
    private RequestMutation _edge = null!;
    private RequestMutation _behind = null!;
    private RequestMutation _normalizing = null!;
    private ResponseMutation _response = null!;
    private ClientIdentity _client = null!;
    private readonly List<HeaderSlot> _received = [];
    private Slab _head = null!;
    private RequestHeaders _request = null!;
    private ResponseHeaders _responseHeaders = null!;

    [GlobalSetup]
    public void Setup()
    {
        var edge = Plain with { UseRemoteAddress = true };
        _edge = new RequestMutation(edge);
        _behind = new RequestMutation(Plain);
        _normalizing = new RequestMutation(edge with { NormalizePath = true, MergeSlashes = true, StripAnyHostPort = true });
        _response = new ResponseMutation(Plain);
        _client = new ClientIdentity(edge, NetworkAddress.Ip("192.0.2.5", 50000), null);
        _responseHeaders = new ResponseHeaders(_slabs);
        _request = new RequestHeaders(_slabs);
        _head = _slabs.Rent();
        Receive("host", "www.example.com");
        Receive("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36");
        Receive("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        Receive("accept-encoding", "gzip, deflate, br, zstd");
        Receive("accept-language", "en-US,en;q=0.9");
        Receive("cookie", "session=0123456789abcdef; theme=dark");
        Receive("referer", "https://www.example.com/api");
        Receive("sec-fetch-mode", "navigate");
        Receive("sec-fetch-site", "same-origin");
    }

    [Benchmark(Baseline = true)]
    public int HeadAlone()
    {
        // One more header: the first one that is added pays for a slab, whoever adds it.
        var head = Head();
        head.Add(HeaderNames.Via, "1"u8);
        return head.Count;
    }

    [Benchmark]
    public bool EdgeDefault() => _edge.Apply(Head(), _client).IsOk;

    [Benchmark]
    public bool BehindProxyDefault() => _behind.Apply(Head(), _client).IsOk;

    [Benchmark]
    public bool EdgeNormalizing() => _normalizing.Apply(Head(), _client).IsOk;

    [Benchmark]
    public int Response()
    {
        _responseHeaders.Clear();
        _response.Apply(_responseHeaders, _request);
        return _responseHeaders.Count;
    }

    [Benchmark]
    public void RequestId() => _ids.Write(_id);

    /// <summary>A head as a codec leaves it: the bytes in the slab that they were read into.</summary>
    private RequestHeaders Head()
    {
        var request = _request;
        request.Clear();
        request.SetMethod(KnownMethod.Get);
        foreach (ref readonly var slot in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_received))
        {
            request.AddReceived(slot.Id, slot.NameStart, slot.NameLength, slot.ValueStart, slot.ValueLength, wholeLine: true);
        }

        request.AttachHead(_head, 0);
        request.ReceivedPath(0, PathLength);
        return request;
    }

    private void Receive(string name, string value)
    {
        if (_head.Filled == 0)
        {
            Append("/api/service7/items?page=2 ");
        }

        var start = _head.Filled;
        Append($"{name}: {value}\r\n");
        _received.Add(new HeaderSlot
        {
            Id = ((HeaderName)name).Id,
            NameStart = (ushort)start,
            NameLength = (ushort)name.Length,
            ValueStart = (ushort)(start + name.Length + 2),
            ValueLength = (ushort)value.Length,
        });
    }

    private unsafe void Append(string text)
    {
        System.Text.Encoding.ASCII.GetBytes(text, new Span<byte>(_head.Pointer + _head.Filled, text.Length));
        _head.Filled += text.Length;
    }
}
