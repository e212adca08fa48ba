using System.Collections.Frozen;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.AccessLog;

/// <summary>Appends an operator's value, or returns false, having appended nothing, if it has none.</summary>
internal delegate bool AccessLogOperator(AccessLogEntry entry, AccessLogWriter writer);

/// <summary>Envoy's command operators, as far as there is something to show for them.</summary>
internal static class AccessLogOperators
{
    private static readonly FrozenDictionary<string, AccessLogOperator> Plain = new Dictionary<string, AccessLogOperator>(AccessLogTlsOperators.All())
    {
        ["PROTOCOL"] = static (e, w) => Text(w, e.Info.Protocol.ToProtocolString()),
        ["UPSTREAM_PROTOCOL"] = static (e, w) => Text(w, e.Info.UpstreamProtocol.ToProtocolString()),
        ["RESPONSE_CODE"] = static (e, w) => Number(w, e.Info.ResponseCode),
        ["RESPONSE_CODE_DETAILS"] = static (e, w) => Text(w, e.Info.ResponseCodeDetails),
        ["GRPC_STATUS_NUMBER"] = AccessLogGrpcOperators.Compile("NUMBER")!,
        ["RESPONSE_FLAGS"] = static (e, w) => Flags(w, e.Info.ResponseFlags, useLong: false),
        ["RESPONSE_FLAGS_LONG"] = static (e, w) => Flags(w, e.Info.ResponseFlags, useLong: true),
        ["CONNECTION_TERMINATION_DETAILS"] = static (e, w) => Text(w, e.Info.ConnectionTerminationDetails),
        ["CONNECTION_ID"] = static (e, w) => Id(w, e.Info.ConnectionId),
        ["STREAM_ID"] = static (e, w) => Untrusted(w, e.Info.StreamId),
        ["REQUESTED_SERVER_NAME"] = static (e, w) => Untrusted(w, e.Info.RequestedServerName),
        ["ROUTE_NAME"] = static (e, w) => Text(w, e.Info.RouteName),
        ["VIRTUAL_HOST_NAME"] = static (e, w) => Text(w, e.Info.VirtualHostName),
        ["VIRTUAL_CLUSTER_NAME"] = static (e, w) => Text(w, e.Info.VirtualClusterName),

        ["BYTES_RECEIVED"] = static (e, w) => Number(w, e.Info.BytesReceived),
        ["BYTES_SENT"] = static (e, w) => Number(w, e.Info.BytesSent),
        ["DOWNSTREAM_WIRE_BYTES_RECEIVED"] = static (e, w) => Number(w, e.Info.DownstreamBytes.WireBytesReceived),
        ["DOWNSTREAM_WIRE_BYTES_SENT"] = static (e, w) => Number(w, e.Info.DownstreamBytes.WireBytesSent),
        ["DOWNSTREAM_HEADER_BYTES_RECEIVED"] = static (e, w) => Number(w, e.Info.DownstreamBytes.HeaderBytesReceived),
        ["DOWNSTREAM_HEADER_BYTES_SENT"] = static (e, w) => Number(w, e.Info.DownstreamBytes.HeaderBytesSent),
        ["UPSTREAM_WIRE_BYTES_RECEIVED"] = static (e, w) => Number(w, e.Info.UpstreamBytes.WireBytesReceived),
        ["UPSTREAM_WIRE_BYTES_SENT"] = static (e, w) => Number(w, e.Info.UpstreamBytes.WireBytesSent),
        ["UPSTREAM_HEADER_BYTES_RECEIVED"] = static (e, w) => Number(w, e.Info.UpstreamBytes.HeaderBytesReceived),
        ["UPSTREAM_HEADER_BYTES_SENT"] = static (e, w) => Number(w, e.Info.UpstreamBytes.HeaderBytesSent),

        ["DURATION"] = static (e, w) => Milliseconds(w, e.Info.StartUs, e.Info.EndUs),
        ["REQUEST_DURATION"] = static (e, w) => Milliseconds(w, e.Info.StartUs, e.Info.Timings.DownstreamLastRxByteUs),
        ["REQUEST_TX_DURATION"] = static (e, w) => Milliseconds(w, e.Info.StartUs, e.Info.Timings.UpstreamLastTxByteUs),
        ["RESPONSE_DURATION"] = static (e, w) => Milliseconds(w, e.Info.StartUs, e.Info.Timings.UpstreamFirstRxByteUs),
        ["RESPONSE_TX_DURATION"] = static (e, w) => e.Info.Timings.UpstreamFirstRxByteUs != 0
            && Milliseconds(w, e.Info.Timings.UpstreamFirstRxByteUs, e.Info.Timings.DownstreamLastTxByteUs),

        ["DOWNSTREAM_REMOTE_ADDRESS"] = static (e, w) => Address(w, e.Info.DownstreamRemoteAddress),
        ["DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] = static (e, w) => Address(w, e.Info.DownstreamRemoteAddress, withPort: false),
        ["DOWNSTREAM_REMOTE_PORT"] = static (e, w) => Port(w, e.Info.DownstreamRemoteAddress),
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS"] = static (e, w) => Address(w, e.Info.DownstreamDirectRemoteAddress),
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"] = static (e, w) => Address(w, e.Info.DownstreamDirectRemoteAddress, withPort: false),
        ["DOWNSTREAM_DIRECT_REMOTE_PORT"] = static (e, w) => Port(w, e.Info.DownstreamDirectRemoteAddress),
        ["DOWNSTREAM_LOCAL_ADDRESS"] = static (e, w) => Address(w, e.Info.DownstreamLocalAddress),
        ["DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"] = static (e, w) => Address(w, e.Info.DownstreamLocalAddress, withPort: false),
        ["DOWNSTREAM_LOCAL_PORT"] = static (e, w) => Port(w, e.Info.DownstreamLocalAddress),

        ["UPSTREAM_HOST"] = static (e, w) => Address(w, e.Info.UpstreamHost),
        ["UPSTREAM_CLUSTER"] = static (e, w) => Text(w, e.Info.UpstreamClusterName),
        ["UPSTREAM_LOCAL_ADDRESS"] = static (e, w) => Address(w, e.Info.UpstreamLocalAddress),
        ["UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"] = static (e, w) => Address(w, e.Info.UpstreamLocalAddress, withPort: false),
        ["UPSTREAM_LOCAL_PORT"] = static (e, w) => Port(w, e.Info.UpstreamLocalAddress),
        ["UPSTREAM_REMOTE_ADDRESS"] = static (e, w) => Address(w, e.Info.UpstreamRemoteAddress),
        ["UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] = static (e, w) => Address(w, e.Info.UpstreamRemoteAddress, withPort: false),
        ["UPSTREAM_REMOTE_PORT"] = static (e, w) => Port(w, e.Info.UpstreamRemoteAddress),
        ["UPSTREAM_CONNECTION_ID"] = static (e, w) => Id(w, e.Info.UpstreamConnectionId),
        ["UPSTREAM_REQUEST_ATTEMPT_COUNT"] = static (e, w) => Number(w, e.Info.AttemptCount),
        ["DOWNSTREAM_TRANSPORT_FAILURE_REASON"] = static (e, w) => Untrusted(w, e.Info.DownstreamTransportFailureReason),
        ["UPSTREAM_TRANSPORT_FAILURE_REASON"] = static (e, w) => Untrusted(w, e.Info.UpstreamTransportFailureReason),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Makes an operator, or says what is wrong.</summary>
    public static AccessLogOperator? Compile(string name, string? argument, out string? error)
    {
        error = null;
        if (Plain.TryGetValue(name, out var plain))
        {
            error = argument is null ? null : $"has %{name}({argument})%, but %{name}% takes no argument";
            return argument is null ? plain : null;
        }

        switch (name)
        {
            case "START_TIME":
                return argument is null or "" ? static (e, w) => Time(w, e.Info.StartTime) : AccessLogTimeFormat.Compile(argument, out error);
            case "HOSTNAME":
                var host = Environment.MachineName;
                return (_, w) => Text(w, host);
            case "REQ" or "RESP" or "TRAILER" or "DYNAMIC_METADATA" or "FILTER_STATE" when string.IsNullOrEmpty(argument):
                error = $"has %{name}% without its argument, as in {Example(name)}";
                return null;
            case "REQ" or "RESP" or "TRAILER":
                return Header(name, argument!, out error);
            case "DYNAMIC_METADATA":
                return Metadata(argument!.Split(':'));
            case "GRPC_STATUS":
                var grpc = AccessLogGrpcOperators.Compile(argument);
                error = grpc is null ? $"has %GRPC_STATUS({argument})%: the format is CAMEL_STRING, SNAKE_STRING or NUMBER" : null;
                return grpc;
            case "FILTER_STATE":
                // Envoy's PLAIN and TYPED choose a serialization of its C++ objects; ours have ToString.
                var key = argument!.Split(':')[0];
                return (e, w) => e.Info.HasFilterState && Untrusted(w, e.Info.FilterState.GetByName(key)?.ToString());
            default:
                error = $"has the unknown operator %{name}%";
                return null;
        }
    }

    private static string Example(string name) => name switch
    {
        "DYNAMIC_METADATA" => "%DYNAMIC_METADATA(namespace:key)%",
        "FILTER_STATE" => "%FILTER_STATE(key)%",
        _ => $"%{name}(user-agent)%",
    };

    // X?Y: Y's value if X has none.
    private static AccessLogOperator? Header(string name, string argument, out string? error)
    {
        var names = argument.ToLowerInvariant().Split('?');
        if (names.Length > 2 || names.Contains(""))
        {
            error = $"has %{name}({argument})%: name one header, or two as in %{name}(x-first?x-second)%";
            return null;
        }

        error = null;
        var main = names[0];
        var other = names.Length == 2 ? names[1] : null;
        return name switch
        {
            "REQ" => (e, w) => Value(w, e.TryGetRequestHeader(main, out var v), v) || (other is not null && Value(w, e.TryGetRequestHeader(other, out v), v)),
            "RESP" => (e, w) => Value(w, e.TryGetResponseHeader(main, out var v), v) || (other is not null && Value(w, e.TryGetResponseHeader(other, out v), v)),
            _ => (e, w) => Value(w, e.TryGetResponseTrailer(main, out var v), v) || (other is not null && Value(w, e.TryGetResponseTrailer(other, out v), v)),
        };
    }

    // namespace, or namespace:key, or namespace:key:key ...
    private static AccessLogOperator Metadata(string[] path) => (e, w) =>
    {
        if (!e.Info.HasDynamicMetadata || e.Info.DynamicMetadata[path[0]] is not { } fields)
        {
            return false;
        }

        MetadataValue value = fields;
        for (var i = 1; i < path.Length; i++)
        {
            value = value.AsStruct() is { } inner ? inner[path[i]] : default;
        }

        // A string may hold what a peer sent; JSON has its own escapes.
        return !value.IsNull && (value.AsString() is { } text ? Untrusted(w, text) : Text(w, value.ToString()));
    };

    private static bool Value(AccessLogWriter writer, bool found, ReadOnlySpan<byte> value)
    {
        if (!found || value.IsEmpty)
        {
            return false;
        }

        writer.AppendUntrusted(value);
        return true;
    }

    private static bool Text(AccessLogWriter writer, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        writer.AppendText(text);
        return true;
    }

    private static bool Untrusted(AccessLogWriter writer, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        writer.AppendUntrusted(text);
        return true;
    }

    private static bool Number(AccessLogWriter writer, long value)
    {
        writer.AppendNumber(value);
        return true;
    }

    private static bool Id(AccessLogWriter writer, ulong id)
    {
        if (id == 0)
        {
            return false;
        }

        writer.AppendNumber(id);
        return true;
    }

    private static bool Milliseconds(AccessLogWriter writer, long fromUs, long toUs) => toUs != 0 && Number(writer, (toUs - fromUs) / 1000);

    private static bool Time(AccessLogWriter writer, DateTimeOffset time)
    {
        writer.AppendTime(time);
        return true;
    }

    private static bool Flags(AccessLogWriter writer, ResponseFlags flags, bool useLong)
    {
        if (flags == ResponseFlags.None)
        {
            return false;
        }

        writer.AppendText(flags.TakeLowest(useLong));
        while (flags != ResponseFlags.None)
        {
            writer.Append((byte)',');
            writer.AppendText(flags.TakeLowest(useLong));
        }

        return true;
    }

    private static bool Address(AccessLogWriter writer, NetworkAddress? address, bool withPort = true)
    {
        if (address is null)
        {
            return false;
        }

        writer.AppendAddress(address, withPort);
        return true;
    }

    private static bool Port(AccessLogWriter writer, NetworkAddress? address) => address is SocketAddress socket && Number(writer, socket.Port);
}
