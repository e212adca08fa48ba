using System.Net;
using System.Net.Sockets;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.Core.Streams;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.ListenerFilters.ProxyProtocol;

/// <summary>Reads and drains the PROXY protocol header: its addresses become the connection's (envoy.filters.listener.proxy_protocol).</summary>
internal sealed class ProxyProtocolFilter(ProxyProtocolFilterFactory factory) : IListenerFilter
{
    private readonly ProxyProtocolStats _stats = factory.Stats;
    private IListenerFilterCallbacks _callbacks = null!;

    public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
    {
        _callbacks = callbacks;
        while (true)
        {
            if (Inspect() is { } verdict)
            {
                return verdict;
            }

            if (!(await callbacks.PeekAsync()).IsOk)
            {
                return FilterStatus.StopIteration;
            }
        }
    }

    /// <returns>Null: more bytes are needed.</returns>
    private FilterStatus? Inspect()
    {
        var peeked = _callbacks.Peeked;
        Span<byte> room = stackalloc byte[ProxyProtocolParser.MaxV1Bytes];
        var head = room[..(int)Math.Min(room.Length, peeked.Length)];
        peeked.CopyTo(head);
        var start = ProxyProtocolParser.Detect(head);
        if (start is ProxyProtocolStart.V1 or ProxyProtocolStart.V2)
        {
            var version = start == ProxyProtocolStart.V1 ? ProxyProtocolVersion.V1 : ProxyProtocolVersion.V2;
            if (factory.Allows(version))
            {
                return version == ProxyProtocolVersion.V1 ? InspectV1(head) : InspectV2(head);
            }

            if (!factory.Config.AllowRequestsWithoutProxyProtocol)
            {
                (version == ProxyProtocolVersion.V1 ? _stats.V1 : _stats.V2).Disallowed.Increment();
                return FilterStatus.StopIteration;
            }
        }
        else if (start == ProxyProtocolStart.NeedMore)
        {
            return null;
        }

        if (factory.Config.AllowRequestsWithoutProxyProtocol)
        {
            _stats.NotFoundAllowed.Increment();
            return FilterStatus.Continue;
        }

        _stats.NotFoundDisallowed.Increment();
        return FilterStatus.StopIteration;
    }

    private FilterStatus? InspectV1(ReadOnlySpan<byte> head) =>
        Verdict(ProxyProtocolParser.ParseV1(head, out var header), in header, _stats.V1, default);

    private FilterStatus? InspectV2(ReadOnlySpan<byte> head)
    {
        var status = ProxyProtocolParser.TryGetV2Length(head, out var length);
        if (status != ProxyProtocolStatus.Complete)
        {
            return Verdict(status, default, _stats.V2, default);
        }

        var peeked = _callbacks.Peeked;
        if (peeked.Length < length)
        {
            return null;
        }

        peeked.MakeContiguous(length, length);
        var bytes = peeked.FirstSpan[..length];
        status = ProxyProtocolParser.ParseV2(bytes, out var header);
        return Verdict(status, in header, _stats.V2, bytes[header.TlvStart..]);
    }

    private FilterStatus? Verdict(ProxyProtocolStatus status, in ProxyProtocolHeader header, ProxyProtocolVersionStats stats, ReadOnlySpan<byte> tlvs)
    {
        switch (status)
        {
            case ProxyProtocolStatus.NeedMore:
                return null;
            case ProxyProtocolStatus.Malformed:
            case ProxyProtocolStatus.Complete when !IsOneHost(header.Source) || !IsOneHost(header.Destination):
                stats.Error.Increment();
                return FilterStatus.StopIteration;
            default:
                stats.Found.Increment();
                Take(header, tlvs);
                return FilterStatus.Continue;
        }
    }

    /// <summary>TCP has two ends: an address that is none, or many, is refused as in Envoy.</summary>
    private static bool IsOneHost(NetworkAddress? address)
    {
        if (address is not SocketAddress { Address: var ip })
        {
            return true;
        }

        if (ip.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return !ip.IsIPv6Multicast && !ip.Equals(IPAddress.IPv6Any);
        }

        Span<byte> octets = stackalloc byte[4];
        ip.TryWriteBytes(octets, out _);
        return octets[0] >> 4 != 14 && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.Broadcast); // 14: 224.0.0.0/4
    }

    private void Take(in ProxyProtocolHeader header, ReadOnlySpan<byte> tlvs)
    {
        if (header.Source is not null)
        {
            _callbacks.RemoteAddress = header.Source;
            _callbacks.LocalAddress = header.Destination;
        }

        if (factory.WantsTlvs && !tlvs.IsEmpty)
        {
            TakeTlvs(tlvs);
        }

        _callbacks.Peeked.Drain(header.Length);
    }

    private void TakeTlvs(ReadOnlySpan<byte> tlvs)
    {
        List<ProxyProtocolTlv>? passed = null;
        while (ProxyProtocolParser.TryTakeTlv(ref tlvs, out var type, out var value))
        {
            foreach (var rule in factory.Config.Rules)
            {
                if (rule.TlvType == type)
                {
                    var target = rule.OnTlvPresent;
                    var name = target.MetadataNamespace.Length == 0 ? ProxyProtocolFilterFactory.Name : target.MetadataNamespace;
                    _callbacks.StreamInfo.DynamicMetadata.Set(name, target.Key, Encoding.UTF8.GetString(value));
                }
            }

            if (ProxyProtocolOptions.Passes(factory.Config.PassThroughTlvs, type))
            {
                (passed ??= []).Add(new ProxyProtocolTlv(type, value.ToArray()));
            }
        }

        if (passed is not null)
        {
            _callbacks.StreamInfo.FilterState.Set(
                ProxyProtocolOptions.Key, new ProxyProtocolOptions([.. passed]), FilterStateLifeSpan.Connection, sharedWithUpstream: true);
        }
    }
}
