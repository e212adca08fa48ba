using System.Net;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Tests.Addresses;

public sealed class IpPrefixMapTests
{
    [Fact]
    public void Find_NestedRanges_ReturnsLongest()
    {
        var map = Map("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.255.0/24", "255.255.255.255/32", "::/0", "fd00::/8", "ffff::/16");

        map.Find(IPAddress.Parse("9.255.255.255")).ShouldBe("0.0.0.0/0");
        map.Find(IPAddress.Parse("10.0.0.0")).ShouldBe("10.0.0.0/16");
        map.Find(IPAddress.Parse("10.0.254.255")).ShouldBe("10.0.0.0/16");
        map.Find(IPAddress.Parse("10.0.255.255")).ShouldBe("10.0.255.0/24");
        map.Find(IPAddress.Parse("10.1.0.0")).ShouldBe("10.0.0.0/8");
        map.Find(IPAddress.Parse("11.0.0.0")).ShouldBe("0.0.0.0/0");
        map.Find(IPAddress.Parse("255.255.255.254")).ShouldBe("0.0.0.0/0");
        map.Find(IPAddress.Parse("255.255.255.255")).ShouldBe("255.255.255.255/32");
        map.Find(IPAddress.Parse("::ffff:10.1.0.0")).ShouldBe("10.0.0.0/8");
        map.Find(IPAddress.Parse("::1")).ShouldBe("::/0");
        map.Find(IPAddress.Parse("fd12::1")).ShouldBe("fd00::/8");
        map.Find(IPAddress.Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).ShouldBe("ffff::/16");
    }

    [Fact]
    public void Find_OutsideOfEveryRange_ReturnsNull()
    {
        var map = Map("10.0.0.0/8");

        map.Find(IPAddress.Parse("9.255.255.255")).ShouldBeNull();
        map.Find(IPAddress.Parse("11.0.0.0")).ShouldBeNull();
        map.Find(IPAddress.Parse("::1")).ShouldBeNull();
        new IpPrefixMap<string>([]).Find(IPAddress.Loopback).ShouldBeNull();
    }

    [Fact]
    public void Constructor_SameRangeTwice_Throws() => Should.Throw<ArgumentException>(() => Map("10.0.0.0/8", "10.0.0.0/8"));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Find_RandomRanges_EqualsScanForLongest(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 100; round++)
        {
            // Few distinct bits, so that ranges nest and touch, and both ends of the address space occur.
            var ranges = Enumerable.Range(0, random.Next(40))
                .Select(_ => RandomAddress(random) is var address
                    ? new CidrRange(address, random.Next(address.GetAddressBytes().Length * 8 + 1))
                    : throw new InvalidOperationException())
                .Distinct()
                .ToArray();
            var map = new IpPrefixMap<CidrRange>(ranges.Select(range => KeyValuePair.Create(range, range)));
            for (var i = 0; i < 100; i++)
            {
                var address = RandomAddress(random);
                map.Find(address).ShouldBe(
                    ranges.Where(range => range.Contains(address)).MaxBy(range => range.PrefixLen), $"{address} in {string.Join(' ', ranges.Select(r => r.ToString()))}");
            }
        }
    }

    private static IPAddress RandomAddress(Random random)
    {
        byte[] values = [0, 1, 127, 128, 254, 255];
        var bytes = new byte[random.Next(2) == 0 ? 4 : 16];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = values[random.Next(values.Length)];
        }

        return new IPAddress(bytes);
    }

    private static IpPrefixMap<string> Map(params string[] ranges) =>
        new(ranges.Select(range => KeyValuePair.Create(CidrRange.Parse(range), range)));
}
