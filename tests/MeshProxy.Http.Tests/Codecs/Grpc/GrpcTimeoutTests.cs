using System.Text;
using MeshProxy.Http.Codecs.Grpc;

namespace MeshProxy.Http.Tests.Codecs.Grpc;

public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData("1H", 3_600_000)]
    [InlineData("2M", 120_000)]
    [InlineData("3S", 3000)]
    [InlineData("4m", 4)]
    [InlineData("5u", 1)]
    [InlineData("5000u", 5)]
    [InlineData("5001u", 6)]
    [InlineData("1n", 1)]
    [InlineData("99999999n", 100)]
    [InlineData("99999999H", 359_999_996_400_000)]
    [InlineData("00000001S", 1000)]
    [InlineData("0S", 0)]
    public void Value_WellFormed_IsMillisecondsRoundedUp(string value, long milliseconds)
    {
        GrpcTimeout.TryParse(Encoding.ASCII.GetBytes(value), out var parsed).ShouldBeTrue();
        parsed.ShouldBe(milliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("1h")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1 S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    [InlineData("1SS")]
    public void Value_Malformed_IsRefused(string value) => GrpcTimeout.TryParse(Encoding.ASCII.GetBytes(value), out _).ShouldBeFalse();

    [Theory]
    [InlineData(0, "0m")]
    [InlineData(1, "1m")]
    [InlineData(99_999_999, "99999999m")]
    [InlineData(100_000_000, "100000S")]
    [InlineData(99_999_999_999, "99999999S")]
    [InlineData(100_000_000_000, "1666666M")]
    [InlineData(6_000_000_000_000, "1666666H")]
    [InlineData(long.MaxValue, "99999999H")]
    public void Format_OfMilliseconds_KeepsToEightDigits(long milliseconds, string expected)
    {
        Span<byte> text = stackalloc byte[GrpcTimeout.MaxLength];
        Encoding.ASCII.GetString(text[..GrpcTimeout.Format(milliseconds, text)]).ShouldBe(expected);
    }
}
