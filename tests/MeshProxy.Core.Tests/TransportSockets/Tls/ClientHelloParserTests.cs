using System.Net.Security;
using System.Text;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class ClientHelloParserTests
{
    private const ClientHelloStatus Malformed = ClientHelloStatus.Malformed;

    [Theory]
    [InlineData(1 << 14, 1 << 14)]
    [InlineData(1 << 14, 1)]
    [InlineData(1, 1 << 14)]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(100, 64)]
    public void Hello_InPiecesAndRecords_YieldsItsFields(int recordBytes, int pieceBytes)
    {
        using var parser = Parse(ClientHelloBytes.Typical().Records(recordBytes), pieceBytes);
        parser.Status.ShouldBe(ClientHelloStatus.Complete);
        parser.ServerName.ShouldBe("www.example.com");
        Encoding.Latin1.GetString(parser.ServerNameBytes).ShouldBe("Www.Example.COM");
        parser.GetApplicationProtocols().ShouldBe(["h2", "http/1.1"]);
        parser.HighestVersion.ShouldBe(0x0304);
        parser.Offers(0x0303).ShouldBeTrue();
        parser.Offers(0x0302).ShouldBeFalse();
    }

    [Fact]
    public void EveryPrefix_OfAHello_NeedsMore()
    {
        var bytes = ClientHelloBytes.Typical().Records(50);
        for (var length = 0; length < bytes.Length; length++)
        {
            using var parser = Parse(bytes[..length]);
            parser.Status.ShouldBe(ClientHelloStatus.NeedMore, $"at {length}");
            parser.BytesSeen.ShouldBe(length);
        }
    }

    [Fact]
    public void BytesBehindTheHello_AreNotLookedAt()
    {
        var hello = ClientHelloBytes.Typical().Records();
        using var parser = Parse([.. hello, .. "garbage"u8]);
        parser.Status.ShouldBe(ClientHelloStatus.Complete);
        parser.BytesSeen.ShouldBe(hello.Length);
    }

    [Fact]
    public void HelloWithoutExtensions_IsOneOfTls12()
    {
        using var parser = Parse(ClientHelloBytes.Records(new ClientHelloBytes().Message(extensions: false)));
        parser.Status.ShouldBe(ClientHelloStatus.Complete);
        parser.ServerName.ShouldBeNull();
        parser.HasApplicationProtocols.ShouldBeFalse();
        parser.GetApplicationProtocols().ShouldBeEmpty();
        parser.HighestVersion.ShouldBe(0x0303);
        parser.Offers(0x0301).ShouldBeTrue();
        parser.Offers(0x0304).ShouldBeFalse();
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PRI * HTTP/2.0")]
    [InlineData("\u0016\u0002\u0000")] // a record of another major version
    [InlineData("\u0016\u0003\u0001\u0000\u0000")] // an empty record
    [InlineData("\u0016\u0003\u0001\u0040\u0001")] // one longer than any
    [InlineData("\u0016\u0003\u0001\u0000\u0005\u0002")] // a ServerHello
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0001\u0000")] // an alert
    [InlineData("\u0080\u002e\u0001\u0003\u0001")] // a ClientHello of SSL 2.0
    public void OtherProtocols_AreKnownByTheirFirstBytes(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        using var whole = Parse(bytes);
        whole.Status.ShouldBe(ClientHelloStatus.NotTls);
        using var pieces = Parse(bytes, 1);
        pieces.Status.ShouldBe(ClientHelloStatus.NotTls);
        pieces.Append(ClientHelloBytes.Typical().Records()).ShouldBe(ClientHelloStatus.NotTls); // an end stays
    }

    [Fact]
    public void OtherRecords_InTheMiddleOfAHello_AreMalformed()
    {
        var records = ClientHelloBytes.Typical().Records(50);
        foreach (byte[] between in (byte[][])[[21, 3, 3, 0, 2, 1, 0], [20, 3, 3, 0, 1, 1], [22, 3, 3, 0, 0], [22, 3, 3, 0x40, 1], [22, 2, 3, 0, 1]])
        {
            using var parser = Parse([.. records[..55], .. between, .. records[55..]]);
            parser.Status.ShouldBe(Malformed);
        }
    }

    [Fact]
    public void Lengths_ThatDoNotFit_AreMalformed()
    {
        Parsed(new ClientHelloBytes { LegacyVersion = 0x0203 }).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes { SessionId = new byte[33] }).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes { Ciphers = [] }).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes { Ciphers = [1, 2, 3] }).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes { Compressions = [] }).ShouldBe(Malformed);
        ParsedMessage([1, 0, 0, 0]).ShouldBe(Malformed);
        ParsedMessage([1, 0, 0, 2, 3, 3]).ShouldBe(Malformed);
        var message = ClientHelloBytes.Typical().Message();
        var body = message[4..];
        byte[] shortened = [1, 0, (byte)((body.Length - 1) >> 8), (byte)(body.Length - 1), .. body[..^1]];
        ParsedMessage(shortened).ShouldBe(Malformed);
        byte[] lengthened = [1, 0, (byte)((body.Length + 1) >> 8), (byte)(body.Length + 1), .. body, 0];
        ParsedMessage(lengthened).ShouldBe(Malformed);
    }

    [Fact]
    public void EveryCutInsideTheMessage_IsMalformed()
    {
        // The extensions are optional, so that the cut in front of them is a good hello.
        var hello = ClientHelloBytes.Typical();
        var body = hello.Message()[4..];
        var bare = hello.Message(extensions: false).Length - 4;
        for (var length = 0; length < body.Length; length++)
        {
            byte[] cut = [1, 0, (byte)(length >> 8), (byte)length, .. body[..length]];
            ParsedMessage(cut).ShouldBe(length == bare ? ClientHelloStatus.Complete : Malformed, $"at {length}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\u0000b")]
    [InlineData("a\r\nb")]
    [InlineData("\u00e4.example")]
    public void ServerName_ThatNoHostHas_IsMalformed(string name) => Parsed(new ClientHelloBytes().WithServerName(name)).ShouldBe(Malformed);

    [Fact]
    public void ServerName_OfAnyGoodLength_IsTaken()
    {
        using var parser = Parse(new ClientHelloBytes().WithServerName(new string('A', 255)).Records());
        parser.ServerName.ShouldBe(new string('a', 255));
        Parsed(new ClientHelloBytes().WithServerName(new string('A', 256))).ShouldBe(Malformed);
    }

    [Fact]
    public void ServerNameExtension_OfAnotherForm_IsMalformed()
    {
        Parsed(new ClientHelloBytes().With(0)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(0, 0, 0)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(0, 0, 4, 1, 0, 1, 97)).ShouldBe(Malformed); // a type that is no host name
        Parsed(new ClientHelloBytes().With(0, 0, 4, 0, 0, 1, 97, 0)).ShouldBe(Malformed); // a byte behind the list
        Parsed(new ClientHelloBytes().With(0, 0, 8, 0, 0, 1, 97, 0, 0, 1, 98)).ShouldBe(Malformed); // two names
        Parsed(new ClientHelloBytes().WithServerName("a").WithServerName("b")).ShouldBe(Malformed);
    }

    [Fact]
    public void ProtocolsExtension_OfAnotherForm_IsMalformed()
    {
        Parsed(new ClientHelloBytes().With(16)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(16, 0, 0)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(16, 0, 1, 0)).ShouldBe(Malformed); // an empty name
        Parsed(new ClientHelloBytes().With(16, 0, 2, 2, 97)).ShouldBe(Malformed); // a name that is cut
        Parsed(new ClientHelloBytes().With(16, 0, 2, 1, 97, 0)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().WithProtocols("a").WithProtocols("b")).ShouldBe(Malformed);
    }

    [Fact]
    public void VersionsExtension_OfAnotherForm_IsMalformed()
    {
        Parsed(new ClientHelloBytes().With(43)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(43, 0)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(43, 1, 3)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(43, 3, 3, 4, 3)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(43, 2, 3, 4, 3)).ShouldBe(Malformed);
        Parsed(new ClientHelloBytes().With(10).With(10)).ShouldBe(Malformed);
    }

    [Fact]
    public void VersionsOfNobody_GiveNoVersion()
    {
        using var parser = Parse(new ClientHelloBytes().WithVersions(0x7F1C, 0x0A0A).Records());
        parser.Status.ShouldBe(ClientHelloStatus.Complete);
        parser.HighestVersion.ShouldBe(0);
    }

    [Fact]
    public void Hello_PastTheLimit_IsTooLarge()
    {
        var bytes = ClientHelloBytes.Typical().Records();
        Status(bytes, bytes.Length).ShouldBe(ClientHelloStatus.Complete);
        Status(bytes, bytes.Length - 1).ShouldBe(ClientHelloStatus.TooLarge);

        // Known from the length that it claims, before the bytes are there.
        Status(bytes[..9], bytes.Length - 6).ShouldBe(ClientHelloStatus.TooLarge);

        // Record headers count: six bytes for each byte of the message.
        Status(ClientHelloBytes.Typical().Records(1), 1000).ShouldBe(ClientHelloStatus.TooLarge);
    }

    [Fact]
    public void RealHellos_AreUnderstood()
    {
        var bytes = CaptureHello(new SslClientAuthenticationOptions
        {
            TargetHost = "Real.Example",
            ApplicationProtocols = [SslApplicationProtocol.Http2, new SslApplicationProtocol("x-y")],
        });
        using var parser = Parse(bytes, 11);
        parser.Status.ShouldBe(ClientHelloStatus.Complete);
        parser.ServerName.ShouldBe("real.example");
        parser.GetApplicationProtocols().ShouldBe(["h2", "x-y"]);
        parser.HighestVersion.ShouldBe(0x0304);
    }

    [Fact]
    public void BadInput_AllocatesNothing()
    {
        var bad = new ClientHelloBytes().WithServerName("a b").Records(20);
        byte[] other = [.. "GET / HTTP/1.1\r\n"u8];
        Pass(bad, other);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 2000; i++)
        {
            Pass(bad, other);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);

        static void Pass(byte[] bad, byte[] other)
        {
            using var first = new ClientHelloParser(ClientHelloParser.DefaultMaxBytes);
            first.Append(bad);
            using var second = new ClientHelloParser(ClientHelloParser.DefaultMaxBytes);
            second.Append(other);
        }
    }

    private static ClientHelloStatus Parsed(ClientHelloBytes hello) => ParsedMessage(hello.Message());

    private static ClientHelloStatus ParsedMessage(byte[] message)
    {
        using var parser = Parse(ClientHelloBytes.Records(message));
        return parser.Status;
    }

    private static ClientHelloStatus Status(byte[] bytes, int maxBytes)
    {
        using var parser = new ClientHelloParser(maxBytes);
        return parser.Append(bytes);
    }

    private static ClientHelloParser Parse(byte[] bytes, int pieceBytes = int.MaxValue)
    {
        var parser = new ClientHelloParser(ClientHelloParser.DefaultMaxBytes);
        for (var at = 0; at < bytes.Length; at += pieceBytes)
        {
            parser.Append(bytes.AsSpan(at, Math.Min(pieceBytes, bytes.Length - at)));
            if (pieceBytes == int.MaxValue)
            {
                break;
            }
        }

        return parser;
    }

    /// <summary>What SslStream (OpenSSL) sends first.</summary>
    private static byte[] CaptureHello(SslClientAuthenticationOptions options)
    {
        var written = new FirstWriteStream();
        using var ssl = new SslStream(written);
        Should.Throw<IOException>(() => ssl.AuthenticateAsClient(options));
        return written.Written;
    }

    /// <summary>Keeps what is written, and is at its end for a reader.</summary>
    private sealed class FirstWriteStream : MemoryStream
    {
        public byte[] Written { get; private set; } = [];

        public override void Write(ReadOnlySpan<byte> buffer) => Written = [.. Written, .. buffer];

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer) => 0;

        public override int Read(byte[] buffer, int offset, int count) => 0;
    }
}
