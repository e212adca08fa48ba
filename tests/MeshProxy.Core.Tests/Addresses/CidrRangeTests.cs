using System.Net;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Tests.Addresses;

public sealed class CidrRangeTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("255.255.255.255/0", "0.0.0.0/0")]
    [InlineData("::/0", "::/0")]
    [InlineData("fd00:1234::1/8", "fd00::/8")]
    [InlineData("::1", "::1/128")]
    [InlineData("::ffff:10.1.2.3/104", "10.0.0.0/8")]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3/32")]
    [InlineData("::ffff:0.0.0.0/95", "::fffe:0:0/95")]
    public void Parse_ValidText_ClearsHostBits(string text, string expected)
    {
        var range = CidrRange.Parse(text);

        range.ToString().ShouldBe(expected);
        range.ShouldBe(CidrRange.Parse(expected));
        range.GetHashCode().ShouldBe(CidrRange.Parse(expected).GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/8")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/+8")]
    [InlineData("10.0.0.0/ 8")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("10/8")]
    [InlineData("010.0.0.0/8")]
    [InlineData("::/129")]
    [InlineData("fe80::1%1/64")]
    [InlineData("example.com/8")]
    public void Parse_InvalidText_Throws(string text)
    {
        CidrRange.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => CidrRange.Parse(text)).Message.ShouldContain(text);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.1.1", true)]
    [InlineData("10.0.0.0/8", "a00::", false)]
    [InlineData("0.0.0.0/0", "1.2.3.4", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "::1", true)]
    [InlineData("::/0", "1.2.3.4", false)]
    [InlineData("::/0", "::ffff:1.2.3.4", false)]
    [InlineData("fd00::/8", "fdff::1", true)]
    [InlineData("fd00::/8", "fe00::1", false)]
    [InlineData("1.2.3.4", "1.2.3.4", true)]
    [InlineData("1.2.3.4", "1.2.3.5", false)]
    public void Contains_Address_ComparesPrefixWithinFamily(string range, string address, bool expected) =>
        CidrRange.Parse(range).Contains(IPAddress.Parse(address)).ShouldBe(expected);

    [Fact]
    public void Constructor_LengthOutOfRange_Throws()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => new CidrRange(IPAddress.Any, 33));
        Should.Throw<ArgumentOutOfRangeException>(() => new CidrRange(IPAddress.IPv6Any, 129));
        Should.Throw<ArgumentOutOfRangeException>(() => new CidrRange(IPAddress.Any, -1));
    }
}
