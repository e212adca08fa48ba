using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Benchmarks;

/// <summary>What HTTP filters add to an exchange: head and body both ways through 0 and through 8 filters of different classes that override everything.</summary>
[MemoryDiagnoser]
public class FilterChainBenchmarks
{
    private readonly EventLoop _loop = EventLoopFactory.Create(EventLoopKind.Auto, 0, "benchmark", NullLogger.Instance);
    private readonly SlabPool _slabs = new();
    private HttpFilterChain _chain = null!;
    private RequestHeaders _request = null!;
    private ResponseHeaders _response = null!;
    private IoBuffer _data = null!;

    [Params(0, 8)]
    public int Filters { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        IStreamFilterBase[] all = [new A(), new B(), new C(), new D(), new E(), new F(), new G(), new H()];
        _chain = new HttpFilterChain([.. all.Take(Filters)]);
        _request = new RequestHeaders(_slabs);
        _request.SetMethod("POST");
        _request.SetPath("/orders");
        _response = new ResponseHeaders(_slabs) { Status = 200 };
        _data = new IoBuffer(_slabs);
        _data.Append(new byte[1024]);
    }

    [Benchmark]
    public int Exchange()
    {
        var chain = _chain;
        chain.Initialize(null!);
        var sum = (int)chain.DecodeHeadersAsync(_request, endStream: false).Result;
        sum += (int)chain.DecodeDataAsync(_data, endStream: true, 0, chain.DecoderCount).Result;
        sum += (int)chain.EncodeHeadersAsync(_response, endStream: false).Result;
        sum += (int)chain.EncodeDataAsync(_data, endStream: true).Result;
        chain.Destroy(_loop, reset: true);
        return sum;
    }

    /// <summary>Overrides every member and does the least in each.</summary>
    internal abstract class EveryMember : HttpFilter, IReusableFilter
    {
        private int _calls;

        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers) => Count();

        public override ValueTask<FilterStatus> EncodeInformationalHeadersAsync(ResponseHeaders headers) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers) => Count();

        public override void OnDestroy() => _calls++;

        public void Reset() => _calls = 0;

        protected ValueTask<FilterStatus> Count()
        {
            _calls++;
            return default;
        }
    }

    private sealed class A : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class B : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class C : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class D : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class E : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class F : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class G : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }

    private sealed class H : EveryMember
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Count();

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Count();
    }
}
