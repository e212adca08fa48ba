using System.Globalization;
using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>A response that the proxy makes itself. One instance belongs to each stream and is filled when needed.</summary>
internal sealed class LocalReply : IResponseSource
{
    private string _body = "";
    private Action<ResponseHeaders>? _modifyHeaders;
    private bool _isGrpc;
    private GrpcStatusCode? _grpcStatus;

    /// <summary>Whether a reply waits to be encoded.</summary>
    public bool IsPending { get; private set; }

    public int Status { get; private set; }

    HeaderTrailers? IResponseSource.ResponseTrailers => null;

    /// <param name="status">Of HTTP.</param>
    /// <param name="body">The text; empty for none.</param>
    /// <param name="isGrpc">The client speaks gRPC: the status and the text go into its own headers.</param>
    /// <param name="grpcStatus">What to say to such a client; null: what stands for the HTTP status.</param>
    /// <param name="modifyHeaders">Sees the head before it becomes gRPC's.</param>
    public void Set(int status, string body, bool isGrpc, GrpcStatusCode? grpcStatus, Action<ResponseHeaders>? modifyHeaders)
    {
        _isGrpc = isGrpc;
        _grpcStatus = grpcStatus;
        Status = status;
        _body = body;
        _modifyHeaders = modifyHeaders;
        IsPending = true;
    }

    public void Clear()
    {
        IsPending = false;
        _body = "";
        _modifyHeaders = null;
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into)
    {
        IsPending = false;
        into.Clear();
        into.Status = Status;
        if (_body.Length > 0 && !_isGrpc)
        {
            into.Set(HeaderNames.ContentLength, Encoding.UTF8.GetByteCount(_body).ToString(CultureInfo.InvariantCulture));
            into.Set(HeaderNames.ContentType, "text/plain");
        }

        _modifyHeaders?.Invoke(into);
        if (_isGrpc)
        {
            GrpcLocalReply.Apply(into, _grpcStatus, _body);
            return new ValueTask<ReadStatus>(ReadStatus.End);
        }

        return new ValueTask<ReadStatus>(_body.Length == 0 ? ReadStatus.End : ReadStatus.More);
    }

    ResponseAction IResponseSource.OnHeaders(ReadStatus status, ResponseHeaders headers) => ResponseAction.Forward;

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        into.Append(Encoding.UTF8.GetBytes(_body));
        return new ValueTask<ReadStatus>(ReadStatus.End);
    }

    void IResponseSource.OnResponseEnd(ReadStatus status)
    {
    }

    void IResponseSource.Cancel()
    {
    }
}
