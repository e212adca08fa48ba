using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.Listeners;

/// <summary>A listener could not get its address. Nothing of the update was applied.</summary>
public sealed class ListenException : IOException
{
    internal ListenException(string listener, NetworkAddress address, string reason)
        : base($"listener '{listener}' cannot listen on {address}: {reason}")
    {
        Listener = listener;
        Address = address;
    }

    internal ListenException(string listener, NetworkAddress address, string what, SocketStatus status)
        : this(listener, address, $"{what}: {Describe(status)}")
    {
    }

    /// <summary>The listener's name.</summary>
    public string Listener { get; }

    /// <summary>The address as configured.</summary>
    public NetworkAddress Address { get; }

    private static string Describe(SocketStatus status) => status switch
    {
        SocketStatus.AddressInUse => "the address is in use",
        SocketStatus.AddressNotAvailable => "this machine does not have the address",
        SocketStatus.AccessDenied => "permission denied",
        SocketStatus.TooManyFiles => "too many open files",
        SocketStatus.NotFound => "the directory does not exist",
        SocketStatus.NotSupported => "this kind of address is not supported here",
        _ => status.ToString(),
    };
}
