using System.Text;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>Our header compression against that of python's hpack, both ways, over many blocks of one connection with tables that change their size.</summary>
public sealed class PythonHpackTests
{
    // Lines of a file: "S" and a table size, or "B" and a block. Prints one line a header: name, value, whether it was never indexed.
    private const string Decoder = """
        import sys
        from hpack import Decoder, NeverIndexedHeaderTuple
        decoder = Decoder(1 << 24)
        for line in open(sys.argv[1]):
            kind, text = line.split()
            if kind == 'S':
                decoder.max_allowed_table_size = int(text)
                continue
            for header in decoder.decode(bytes.fromhex(text[1:]), raw=True):
                print('h' + header[0].hex(), 'h' + header[1].hex(), int(isinstance(header, NeverIndexedHeaderTuple)))
            print('.')
        """;

    // "S" and a table size, "H" and a header, "E" and whether to use Huffman ends a block. Prints one line a block.
    private const string Encoder = """
        import sys
        from hpack import Encoder
        encoder = Encoder()
        headers = []
        for line in open(sys.argv[1]):
            words = line.split()
            if words[0] == 'S':
                encoder.header_table_size = int(words[1])
            elif words[0] == 'H':
                headers.append((bytes.fromhex(words[1][1:]), bytes.fromhex(words[2][1:]), words[3] == '1'))
            else:
                print('h' + encoder.encode(headers, huffman=words[1] == '1').hex())
                headers = []
        """;

    private const int Blocks = 2000;

    private static readonly string[] s_names =
    [
        ":method", ":path", ":authority", ":scheme", ":status", "accept", "accept-encoding", "authorization", "content-length", "content-type", "cookie", "date",
        "from", "link", "refresh", "server", "set-cookie", "te", "user-agent", "x-a", "x-b", "x-request-id", "x-envoy-attempt-count", "grpc-status", "traceparent",
    ];

    [SkippableFact]
    public async Task Python_DecodesWhatWeEncode()
    {
        var random = new Random(1);
        var encoder = new HpackEncoder();
        var script = new StringBuilder();
        var expected = new StringBuilder();
        var room = new byte[256 * 1024];
        for (var i = 0; i < Blocks; i++)
        {
            if (random.Next(20) == 0)
            {
                var limit = random.Next(6) == 0 ? 0 : random.Next(8192);
                encoder.SetPeerTableLimit((uint)limit);
                script.Append($"S {limit}\n");
            }

            var at = encoder.BeginBlock(room);
            foreach (var (name, value, never) in Headers(random))
            {
                var bytes = Encoding.Latin1.GetBytes(value);
                var code = HpackNames.Find(Encoding.Latin1.GetBytes(name));
                at += code is >= HpackNames.FirstPseudo and <= HpackNames.LastPseudo
                    ? encoder.WritePseudo(room.AsSpan(at), (HpackPseudo)(code - HpackNames.FirstPseudo + 1), bytes)
                    : encoder.Write(room.AsSpan(at), code < HpackNames.FirstPseudo ? (HeaderId)code : HeaderId.None, Encoding.Latin1.GetBytes(name), bytes, never);
                var secret = (never && name[0] != ':') || name is "authorization" or "cookie";
                expected.Append($"{Hex(name)} {Hex(value)} {(secret ? 1 : 0)}\n");
            }

            script.Append($"B h{Convert.ToHexStringLower(room.AsSpan(0, at))}\n");
            expected.Append(".\n");
        }

        (await RunAsync(Decoder, script.ToString())).ShouldBe(expected.ToString().TrimEnd());
    }

    [SkippableFact]
    public async Task WeDecode_WhatPythonEncodes()
    {
        var random = new Random(2);
        var script = new StringBuilder();
        var limits = new int?[Blocks];
        var expected = new List<(string Name, string Value, bool Never)>[Blocks];
        for (var i = 0; i < Blocks; i++)
        {
            if (random.Next(20) == 0)
            {
                var limit = random.Next(6) == 0 ? 0 : random.Next(8192);
                limits[i] = limit;
                script.Append($"S {limit}\n");
            }

            expected[i] = [.. Headers(random)];
            foreach (var (name, value, never) in expected[i])
            {
                script.Append($"H {Hex(name)} {Hex(value)} {(never ? 1 : 0)}\n");
            }

            script.Append($"E {random.Next(2)}\n");
        }

        var blocks = (await RunAsync(Encoder, script.ToString())).Split('\n');

        blocks.Length.ShouldBe(Blocks);
        var decoder = new HpackDecoder();
        for (var i = 0; i < Blocks; i++)
        {
            if (limits[i] is { } limit)
            {
                decoder.SetTableLimit(limit);
            }

            var sink = new Sink();
            decoder.Decode(Convert.FromHexString(blocks[i].AsSpan(1)), ref sink).ShouldBe(HpackError.None, $"block {i}");
            sink.Headers.Select(h => (h.Name, h.Value)).ShouldBe(expected[i].Select(h => (h.Name, h.Value)), $"block {i}");
        }
    }

    private static IEnumerable<(string Name, string Value, bool Never)> Headers(Random random)
    {
        for (var n = random.Next(16); n > 0; n--)
        {
            var name = s_names[random.Next(s_names.Length)];
            var value = random.Next(5) switch
            {
                0 => "GET",
                1 => $"value {random.Next(4)}",
                2 => new string((char)random.Next(0x20, 0x7F), random.Next(200)),
                3 => new string((char)random.Next(0x80, 0x100), random.Next(60)),
                _ => $"{random.Next()}-{random.Next()}",
            };
            yield return (name, value, random.Next(12) == 0);
        }
    }

    private static string Hex(string text) => "h" + Convert.ToHexStringLower(Encoding.Latin1.GetBytes(text));

    private static async Task<string> RunAsync(string program, string script)
    {
        var python = await PythonAsync();
        var path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, script);
        var (exitCode, output) = await ChildProcess.RunAsync(python, "-c", program, path);
        File.Delete(path);
        exitCode.ShouldBe(0, output);
        return output;
    }

    /// <summary>A python that has the hpack module: the distribution's own, for which Debian packs it, or another.</summary>
    private static async Task<string> PythonAsync()
    {
        foreach (var python in new[] { "/usr/bin/python3", Peers.Find("python3") })
        {
            if (File.Exists(python) && (await ChildProcess.RunAsync(python, "-c", "import hpack")).ExitCode == 0)
            {
                return python;
            }
        }

        throw new SkipException("no python3 has the module hpack (Debian: python3-hpack)");
    }

    private sealed class Sink : IHpackSink
    {
        public List<(string Name, string Value)> Headers { get; } = [];

        public bool OnHeader(in HpackField field)
        {
            Headers.Add((Encoding.Latin1.GetString(field.Name), Encoding.Latin1.GetString(field.Value)));
            return true;
        }
    }
}
