using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.TestSupport.Tls;

/// <summary>A transport socket for simulated upstreams: its handshake is a line from the peer, the protocol that was agreed on. Then come plain bytes.</summary>
internal sealed class ClearAlpn : ITransportSocketFactory
{
    public bool IsSecure => true;

    public ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) => new Socket(callbacks);

    private sealed class Socket(ITransportSocketCallbacks below) : ITransportSocket
    {
        private readonly IoBuffer _early = new(below.Connection.Loop.Slabs);

        public TlsInfo? Tls { get; private set; }

        public async ValueTask<IoResult> HandshakeAsync()
        {
            while (true)
            {
                var read = await below.ReadAsync(_early);
                if (!read.IsOk)
                {
                    _early.Clear();
                    return read;
                }

                var text = Encoding.Latin1.GetString(_early.ToArray());
                if (text.IndexOf('\n') is >= 0 and var end)
                {
                    _early.Drain(end + 1);
                    Tls = new TestTlsInfo { Protocol = text[..end] };
                    return IoResult.Success;
                }
            }
        }

        public ValueTask<IoResult> ReadAsync(IoBuffer into)
        {
            if (_early.IsEmpty)
            {
                return below.ReadAsync(into);
            }

            into.MoveFrom(_early);
            return new ValueTask<IoResult>(IoResult.Success);
        }

        public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream) => below.WriteAsync(data, endStream);

        public void Close(CloseType how) => _early.Clear();
    }
}
