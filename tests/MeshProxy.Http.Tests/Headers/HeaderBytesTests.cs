using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Headers;

public sealed class HeaderBytesTests
{
    private const string TokenSymbols = "!#$%&'*+-.^_`|~";

    private delegate bool Question(ReadOnlySpan<byte> bytes);

    [Fact]
    public void ContainsControl_AnyByteAtAnyPlace_IsFoundIfItIsOne() =>
        Check(b => b is not ((< 0x20 and not (byte)'\t') or 0x7F), bytes => !HeaderBytes.ContainsControl(bytes));

    [Fact]
    public void IsTarget_AnyByteAtAnyPlace_IsVisibleAndNoFragment() =>
        Check(b => b is > 0x20 and < 0x7F and not (byte)'#', HeaderBytes.IsTarget);

    [Fact]
    public void IsLowerToken_AnyByteAtAnyPlace_IsTokenAndNotUpperCase() =>
        Check(b => char.IsAsciiLetterLower((char)b) || char.IsAsciiDigit((char)b) || TokenSymbols.Contains((char)b), HeaderBytes.IsLowerToken);

    [Fact]
    public void IsLowerToken_NoBytes_IsFalse() => HeaderBytes.IsLowerToken([]).ShouldBeFalse();

    /// <summary>Every byte at every place of runs that are otherwise in order, each between bytes that are not.</summary>
    private static void Check(Func<byte, bool> expected, Question isSound)
    {
        for (var length = 1; length <= 50; length++)
        {
            for (var place = 0; place < length; place++)
            {
                var bytes = new byte[length + 64];
                bytes.AsSpan(32, length).Fill((byte)'a');
                for (var b = 0; b <= byte.MaxValue; b++)
                {
                    bytes[32 + place] = (byte)b;
                    isSound(bytes.AsSpan(32, length)).ShouldBe(expected((byte)b), $"byte {b} at {place} of {length}");
                }
            }
        }
    }
}
