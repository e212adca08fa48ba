using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.Tests.Event;

public class LinuxSocketAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:80")]
    [InlineData("[2001:db8::7]:65535")]
    [InlineData("[fe80::1%3]:443")]
    [InlineData("unix:/run/proxy.sock")]
    [InlineData("unix:@abstract name")]
    public void Address_WrittenAndReadBack_IsTheSame(string text)
    {
        var address = NetworkAddress.Parse(text);
        var raw = new byte[LinuxSocketAddress.MaxBytes];
        var length = LinuxSocketAddress.Write(address, raw);
        LinuxSocketAddress.Read(raw.AsSpan(0, length)).ShouldBe(address);
    }

    [Fact]
    public void IPv4_OnTheWire_HasPortAndAddressInNetworkOrder()
    {
        var raw = new byte[LinuxSocketAddress.MaxBytes];
        LinuxSocketAddress.Write(NetworkAddress.Ip("1.2.3.4", 0x1234), raw).ShouldBe(16);
        raw[2..8].ShouldBe([0x12, 0x34, 1, 2, 3, 4]);
    }

    [Theory]
    [InlineData('/', 107, true)]
    [InlineData('/', 108, false)]
    [InlineData('@', 108, true)]
    [InlineData('@', 109, false)]
    public void UnixPath_UpToTheKernelsLimit_Fits(char first, int bytes, bool fits)
    {
        var address = new UnixSocketAddress(first + new string('x', bytes - 1));
        (LinuxSocketAddress.Write(address, new byte[LinuxSocketAddress.MaxBytes]) > 0).ShouldBe(fits);
    }

    [Fact]
    public void InternalAddress_IsNoSocketsAddress() =>
        LinuxSocketAddress.Write(new InternalAddress("name"), new byte[LinuxSocketAddress.MaxBytes]).ShouldBe(-1);
}
