using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>A socket with just enough HTTP/1 to read messages: no connection pool or parser comes between a test and the bytes.</summary>
internal sealed class RawConnection(Socket socket) : IDisposable
{
    private readonly byte[] _chunk = new byte[64 * 1024];
    private readonly MemoryStream _received = new();
    private byte[] _buffer = [];

    public Socket Socket { get; } = socket;

    /// <summary>Everything that has been read so far, as Latin-1.</summary>
    public string AllReceived => Encoding.Latin1.GetString(_received.ToArray());

    public static async Task<RawConnection> ConnectAsync(int port, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        await socket.ConnectAsync(IPAddress.Loopback, port).WaitAsync(Settings.Patience);
        return new RawConnection(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await Socket.SendAsync(bytes).AsTask().WaitAsync(Settings.Patience)..];
        }
    }

    public void EndSending() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Closes with RST.</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    /// <summary>A head with its empty line; what there was of it if the peer closed before; null if that was nothing.</summary>
    public async Task<string?> ReadHeadAsync()
    {
        int end;
        while ((end = _buffer.AsSpan().IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (await FillAsync() == 0)
            {
                return _buffer.Length == 0 ? null : Take(_buffer.Length);
            }
        }

        return Take(end + 4);
    }

    /// <summary>A whole message by its framing.</summary>
    /// <param name="noBody">It is a response to HEAD or CONNECT, or an informational one.</param>
    public async Task<RawMessage> ReadMessageAsync(bool noBody = false)
    {
        var message = new RawMessage(await ReadHeadAsync() ?? throw new EndOfStreamException("the peer closed before a head"));
        if (noBody || message.Status is (>= 100 and < 200) or 204 or 304)
        {
            return message;
        }

        if (message["transfer-encoding"] == "chunked")
        {
            return message with { Body = await ReadChunksAsync(message.Trailers) };
        }

        if (message["content-length"] is { } length)
        {
            return message with { Body = await ReadAsync(int.Parse(length, CultureInfo.InvariantCulture)) };
        }

        return message.Status == 0 ? message : message with { Body = (await ReadToEndAsync()).Text };
    }

    /// <summary>Exactly this many bytes.</summary>
    public async Task<string> ReadAsync(int count)
    {
        while (_buffer.Length < count)
        {
            if (await FillAsync() == 0)
            {
                throw new EndOfStreamException($"the peer closed after {_buffer.Length} of {count} bytes");
            }
        }

        return Take(count);
    }

    /// <summary>All that comes until the peer closes, and whether it did so by RST.</summary>
    public async Task<(string Text, bool Reset)> ReadToEndAsync()
    {
        var reset = false;
        try
        {
            while (await FillAsync() > 0)
            {
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionReset)
        {
            reset = true;
        }

        return (Take(_buffer.Length), reset);
    }

    /// <summary>Waits until the peer closes by FIN or RST. Bytes that come before are thrown away.</summary>
    public async Task DrainAsync()
    {
        try
        {
            while (await Socket.ReceiveAsync(_chunk).WaitAsync(Settings.Patience) > 0)
            {
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionReset)
        {
        }
    }

    /// <summary>How many bytes come until the peer closes, or until there are <paramref name="atMost"/>.</summary>
    public async Task<long> CountAsync(long atMost = long.MaxValue)
    {
        long total = _buffer.Length;
        _buffer = [];
        int count;
        while (total < atMost && (count = await Socket.ReceiveAsync(_chunk).WaitAsync(Settings.Patience)) > 0)
        {
            total += count;
        }

        return total;
    }

    /// <summary>What comes from here on, as a stream.</summary>
    public Stream AsStream() => new Reader(this);

    public void Dispose() => Socket.Dispose();

    private async Task<string> ReadChunksAsync(List<string> trailers)
    {
        var body = new StringBuilder();
        while (true)
        {
            var size = int.Parse((await ReadLineAsync()).Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0)
            {
                break;
            }

            body.Append(await ReadAsync(size));
            (await ReadLineAsync()).ShouldBe("");
        }

        while (await ReadLineAsync() is { Length: > 0 } trailer)
        {
            trailers.Add(trailer);
        }

        return body.ToString();
    }

    private async Task<string> ReadLineAsync()
    {
        int end;
        while ((end = _buffer.AsSpan().IndexOf("\r\n"u8)) < 0)
        {
            if (await FillAsync() == 0)
            {
                throw new EndOfStreamException("the peer closed inside a line");
            }
        }

        return Take(end + 2)[..^2];
    }

    private async Task<int> FillAsync()
    {
        var count = await Socket.ReceiveAsync(_chunk).WaitAsync(Settings.Patience);
        _received.Write(_chunk, 0, count);
        _buffer = [.. _buffer, .. _chunk.AsSpan(0, count)];
        return count;
    }

    private string Take(int count)
    {
        var text = Encoding.Latin1.GetString(_buffer, 0, count);
        _buffer = _buffer[count..];
        return text;
    }

    /// <summary>First what was read ahead, then the socket.</summary>
    private sealed class Reader(RawConnection connection) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var ahead = Math.Min(buffer.Length, connection._buffer.Length);
            if (ahead == 0)
            {
                return await connection.Socket.ReceiveAsync(buffer, cancellationToken);
            }

            connection._buffer.AsSpan(0, ahead).CopyTo(buffer.Span);
            connection._buffer = connection._buffer[ahead..];
            return ahead;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>A message as it came.</summary>
internal sealed record RawMessage(string Head)
{
    public string Body { get; init; } = "";

    public List<string> Trailers { get; } = [];

    public string StartLine => Head[..Head.IndexOf("\r\n", StringComparison.Ordinal)];

    /// <summary>0 for a request.</summary>
    public int Status => StartLine.StartsWith("HTTP/", StringComparison.Ordinal) ? int.Parse(StartLine.Split(' ')[1], CultureInfo.InvariantCulture) : 0;

    /// <summary>The lines of the head after the first, without the empty one.</summary>
    public string[] Lines => Head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)[1..];

    /// <summary>The first header of this name, in any case; null if there is none.</summary>
    public string? this[string name] => All(name).FirstOrDefault();

    public string[] All(string name) =>
        [.. Lines.Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim())];
}
