using System.Buffers.Binary;
using System.Text;

namespace MeshProxy.TestSupport.Tls;

/// <summary>Builds ClientHellos, good ones and broken ones.</summary>
public sealed class ClientHelloBytes
{
    private readonly List<(int Type, byte[] Data)> _extensions = [];

    public int LegacyVersion { get; init; } = 0x0303;

    public byte[] SessionId { get; init; } = new byte[32];

    public byte[] Ciphers { get; init; } = [0x13, 0x01, 0xC0, 0x2B];

    public byte[] Compressions { get; init; } = [0];

    /// <summary>What one client would say: name, protocols, versions, between extensions that nobody reads.</summary>
    public static ClientHelloBytes Typical(string serverName = "Www.Example.COM", params string[] protocols) =>
        new ClientHelloBytes().With(0x3A3A).With(10, 0, 2, 0, 29).WithServerName(serverName)
            .WithProtocols(protocols.Length == 0 ? ["h2", "http/1.1"] : protocols)
            .WithVersions(0x4A4A, 0x0304, 0x0303).With(51, new byte[38]);

    public ClientHelloBytes With(int type, params byte[] data)
    {
        _extensions.Add((type, data));
        return this;
    }

    public ClientHelloBytes WithServerName(string name) => With(0, Vector16([0, .. Vector16(Encoding.Latin1.GetBytes(name))]));

    public ClientHelloBytes WithProtocols(params string[] names) =>
        With(16, Vector16([.. names.SelectMany(n => Vector8(Encoding.Latin1.GetBytes(n)))]));

    public ClientHelloBytes WithVersions(params int[] versions) => With(43, Vector8([.. versions.SelectMany(v => UInt16(v))]));

    /// <summary>The handshake message.</summary>
    public byte[] Message(bool extensions = true)
    {
        byte[] body = [.. UInt16(LegacyVersion), .. new byte[32], .. Vector8(SessionId), .. Vector16(Ciphers), .. Vector8(Compressions)];
        if (extensions)
        {
            body = [.. body, .. Vector16([.. _extensions.SelectMany(e => (byte[])[.. UInt16(e.Type), .. Vector16(e.Data)])])];
        }

        return [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }

    /// <summary>The message in records of at most <paramref name="recordBytes"/>.</summary>
    public byte[] Records(int recordBytes = 1 << 14) => Records(Message(), recordBytes);

    public static byte[] Records(byte[] message, int recordBytes = 1 << 14) =>
        [.. message.Chunk(recordBytes).SelectMany(part => (byte[])[22, 3, 1, .. Vector16(part)])];

    public static byte[] UInt16(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }

    public static byte[] Vector8(byte[] data) => [(byte)data.Length, .. data];

    public static byte[] Vector16(byte[] data) => [.. UInt16(data.Length), .. data];
}
