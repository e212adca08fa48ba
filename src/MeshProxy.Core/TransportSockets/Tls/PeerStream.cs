using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>An SslStream that knows its socket, so that the certificate callback, which all connections of a config share, finds it.</summary>
internal sealed class PeerStream(Stream inner, TlsTransportSocket owner) : SslStream(inner, leaveInnerStreamOpen: true)
{
    /// <summary>The most that a record holds (RFC 8446, section 5.1).</summary>
    public const int MaxRecordBytes = 16 * 1024;

    public static readonly RemoteCertificateValidationCallback Validate =
        static (sender, certificate, chain, _) => ((PeerStream)sender)._owner.Verify(certificate as X509Certificate2, chain);

    private readonly TlsTransportSocket _owner = owner;

    /// <summary>Turns all of the data into records: large slices where they stand, small ones gathered into one.</summary>
    public void Encrypt(IoBuffer data)
    {
        while (!data.IsEmpty)
        {
            var contiguous = data.FirstSpan.Length;
            if (contiguous >= MaxRecordBytes || contiguous == data.Length)
            {
                var n = Math.Min(contiguous, MaxRecordBytes);
                WriteNow(data.FirstSlab.Array.AsMemory(data.FirstOffset, n));
                data.Drain(n);
            }
            else
            {
                Gather(data, (int)Math.Min(data.Length, MaxRecordBytes));
            }
        }
    }

    private void Gather(IoBuffer data, int count)
    {
        var slab = data.Pool.Rent(count);
        try
        {
            data.CopyTo(slab.Array.AsSpan(0, count));
            WriteNow(slab.Array.AsMemory(0, count));
            data.Drain(count);
        }
        finally
        {
            slab.Release();
        }
    }

    private void WriteNow(ReadOnlyMemory<byte> bytes)
    {
        var write = WriteAsync(bytes);
        if (!write.IsCompleted)
        {
            throw new InvalidOperationException("a write of SslStream did not complete at once");
        }

        write.GetAwaiter().GetResult();
    }
}
