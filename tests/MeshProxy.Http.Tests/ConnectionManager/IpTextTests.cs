using System.Net;
using System.Net.Sockets;
using System.Text;
using MeshProxy.Http.ConnectionManager;

namespace MeshProxy.Http.Tests.ConnectionManager;

public sealed class IpTextTests
{
    [Theory]
    [InlineData("192.0.2.5", "192.0.2.5")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("1::", "1::")]
    [InlineData("2001:DB8::1", "2001:db8::1")]
    [InlineData("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8")]
    [InlineData("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0")]
    [InlineData("::ffff:192.0.2.5", "192.0.2.5")]
    [InlineData("64:ff9b::192.0.2.5", "64:ff9b::c000:205")]
    public void TryParse_Address_IsRead(string text, string expected)
    {
        IpText.TryParse(Encoding.ASCII.GetBytes(text), out var address).ShouldBeTrue();
        address.ToAddress().ShouldBe(IPAddress.Parse(expected));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.")]
    [InlineData(".1.2.3")]
    [InlineData("1..2.3")]
    [InlineData("1.2.3.256")]
    [InlineData("01.2.3.4")]
    [InlineData("1.2.3.4 ")]
    [InlineData("1.2.3.4:80")]
    [InlineData("-1.2.3.4")]
    [InlineData("[::1]")]
    [InlineData("::1%eth0")]
    [InlineData(":")]
    [InlineData(":::")]
    [InlineData(":1")]
    [InlineData("1:")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("1:2:3:4:5:6:7:8::")]
    [InlineData("1::2::3")]
    [InlineData("::12345")]
    [InlineData("::g")]
    [InlineData("::1.2.3")]
    [InlineData("::1.2.3.4:5")]
    [InlineData("unknown")]
    public void TryParse_NoAddress_IsRefused(string text) => IpText.TryParse(Encoding.ASCII.GetBytes(text), out _).ShouldBeFalse();

    [Fact]
    public void TryParse_WhatFormatWrites_IsTheSame()
    {
        var random = new Random(1);
        var bytes = new byte[16];
        for (var i = 0; i < 10_000; i++)
        {
            random.NextBytes(bytes);

            // Runs of zeros are what IPv6 text is about.
            for (var z = random.Next(8); z > 0; z--)
            {
                bytes[random.Next(16)] = 0;
            }

            var address = new IPAddress(i % 2 == 0 ? bytes : bytes.AsSpan(0, 4));
            IpText.TryParse(Format(address), out var read).ShouldBeTrue(address.ToString());
            read.ToAddress().ShouldBe(address);
        }
    }

    [Fact]
    public void Format_ScopedAddress_LeavesScopeOut() =>
        Encoding.ASCII.GetString(Format(IPAddress.Parse("fe80::1%3"))).ShouldBe("fe80::1");

    private static byte[] Format(IPAddress address)
    {
        var text = new byte[IpText.MaxLength];
        return text[..IpText.Format(address, text)];
    }
}
