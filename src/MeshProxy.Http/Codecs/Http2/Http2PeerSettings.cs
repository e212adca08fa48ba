using System.Buffers.Binary;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>What the peer's SETTINGS say (RFC 9113 section 6.5.2), with the values that hold before they say anything.</summary>
internal sealed class Http2PeerSettings
{
    private const int EntryBytes = 6;

    public uint HeaderTableSize { get; private set; } = 4096;

    public bool EnablePush { get; private set; } = true;

    public uint MaxConcurrentStreams { get; private set; } = uint.MaxValue;

    public int InitialWindowSize { get; private set; } = Http2FrameHeader.DefaultWindow;

    public int MaxFrameSize { get; private set; } = Http2FrameHeader.DefaultMaxFrameBytes;

    public uint MaxHeaderListSize { get; private set; } = uint.MaxValue;

    public bool EnableConnectProtocol { get; private set; }

    /// <summary>The smallest HEADER_TABLE_SIZE of the last frame: the table must have been that small once.</summary>
    public uint SmallestHeaderTableSize { get; private set; }

    /// <summary>Takes a frame's payload. Of a setting that stands twice the last one holds, as their order says.</summary>
    public Http2Error Apply(ReadOnlySpan<byte> payload, Http2Role role)
    {
        if (payload.Length % EntryBytes != 0)
        {
            return Http2Errors.SettingsSize;
        }

        SmallestHeaderTableSize = HeaderTableSize;
        for (; !payload.IsEmpty; payload = payload[EntryBytes..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch ((Http2Setting)BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case Http2Setting.HeaderTableSize:
                    HeaderTableSize = value;
                    SmallestHeaderTableSize = Math.Min(SmallestHeaderTableSize, value);
                    break;
                case Http2Setting.EnablePush:
                    if (value > 1 || (value == 1 && role == Http2Role.Client))
                    {
                        return Http2Errors.BadEnablePush;
                    }

                    EnablePush = value == 1;
                    break;
                case Http2Setting.MaxConcurrentStreams:
                    MaxConcurrentStreams = value;
                    break;
                case Http2Setting.InitialWindowSize:
                    if (value > Http2FrameHeader.MaxWindow)
                    {
                        return Http2Errors.BadInitialWindow;
                    }

                    InitialWindowSize = (int)value;
                    break;
                case Http2Setting.MaxFrameSize:
                    if (value is < Http2FrameHeader.DefaultMaxFrameBytes or > Http2FrameHeader.LargestMaxFrameBytes)
                    {
                        return Http2Errors.BadMaxFrameSize;
                    }

                    MaxFrameSize = (int)value;
                    break;
                case Http2Setting.MaxHeaderListSize:
                    MaxHeaderListSize = value;
                    break;
                case Http2Setting.EnableConnectProtocol:
                    // RFC 8441 section 3: once said, it holds.
                    if (value > 1 || (value == 0 && EnableConnectProtocol))
                    {
                        return Http2Errors.BadEnableConnect;
                    }

                    EnableConnectProtocol = value == 1;
                    break;
            }
        }

        return default;
    }
}
