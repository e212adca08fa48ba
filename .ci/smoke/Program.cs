// The app that .ci/pack-smoke builds against the packages: it fails if a public type is missing or a dependency is not declared.
using MeshProxy.Core.Network;

var address = NetworkAddress.Parse("127.0.0.1:8080");
if (address != NetworkAddress.Loopback(8080))
{
    Console.Error.WriteLine($"parsed {address}");
    return 1;
}

Console.WriteLine($"packages work: {address}");
return 0;
