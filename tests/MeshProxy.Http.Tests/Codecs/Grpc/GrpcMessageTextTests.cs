using System.Text;
using MeshProxy.Http.Codecs.Grpc;

namespace MeshProxy.Http.Tests.Codecs.Grpc;

public sealed class GrpcMessageTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("no route!~", "no route!~")]
    [InlineData("100%", "100%25")]
    [InlineData("a\r\nb\u007F", "a%0D%0Ab%7F")]
    [InlineData("größe ☃", "gr%C3%B6%C3%9Fe %E2%98%83")]
    public void Text_Encoded_IsPrintableAsciiAndComesBack(string text, string encoded)
    {
        var bytes = GrpcMessageText.Encode(text);

        Encoding.ASCII.GetString(bytes).ShouldBe(encoded);
        GrpcMessageText.Decode(bytes).ShouldBe(text);
    }

    [Theory]
    [InlineData("50% of", "50% of")]
    [InlineData("%4", "%4")]
    [InlineData("%", "%")]
    [InlineData("%zz%41", "%zzA")]
    [InlineData("%c3%b6", "ö")]
    [InlineData("%FF", "\uFFFD")]
    public void Text_WithBrokenEscapes_IsDecodedAsFarAsItGoes(string encoded, string text) =>
        GrpcMessageText.Decode(Encoding.ASCII.GetBytes(encoded)).ShouldBe(text);
}
