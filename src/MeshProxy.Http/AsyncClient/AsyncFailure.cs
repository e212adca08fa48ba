using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.Http.AsyncClient;

/// <summary>Why a request of our own got no whole answer.</summary>
/// <param name="Text">In words.</param>
/// <param name="Reason">How the exchange was lost; null if it did not begin: no such cluster, no host.</param>
/// <param name="ResetCode">The code of the peer's RST_STREAM; null if it sent none.</param>
internal readonly record struct AsyncFailure(string Text, UpstreamResetReason? Reason = null, Http2ErrorCode? ResetCode = null);
