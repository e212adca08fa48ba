using System.Text;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

/// <summary>A header as a test writes it; its bytes are the characters' low halves.</summary>
public sealed record HpackHeader(string Name, string Value, bool NeverIndexed = false)
{
    public override string ToString() => $"{Name}: {Value}{(NeverIndexed ? " (never indexed)" : "")}";
}

/// <summary>A decoder, what it has found, and hexadecimal blocks.</summary>
internal sealed class HpackHarness(int tableBytes = HpackDecoder.DefaultTableBytes, int maxListBytes = HpackDecoder.DefaultMaxListBytes)
{
    public HpackDecoder Decoder { get; } = new(tableBytes, maxListBytes);

    /// <summary>How many headers the sink takes before it wants no more.</summary>
    public int Wanted { get; set; } = int.MaxValue;

    public List<HpackHeader> Headers { get; private set; } = [];

    /// <summary>The well-known names of the last block's headers.</summary>
    public List<string> Names { get; private set; } = [];

    /// <summary>The dynamic table, newest first.</summary>
    public string[] Table => TableOf(Decoder.Table);

    public static string[] TableOf(HpackDynamicTable table) =>
        [.. Enumerable.Range(0, table.Count).Select(i => $"{Text(table.NameOf(table.FromNewest(i)))}: {Text(table.ValueOf(table.FromNewest(i)))}")];

    public static byte[] Hex(string hex) => Convert.FromHexString(string.Concat(hex.Where(c => !char.IsWhiteSpace(c))));

    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public HpackError Decode(string hex) => Decode(Hex(hex));

    public HpackError Decode(ReadOnlySpan<byte> block)
    {
        var sink = new Sink(Wanted);
        var error = Decoder.Decode(block, ref sink);
        Headers = sink.Headers;
        Names = sink.Names;
        return error;
    }

    /// <summary>Encodes a block. Names with a colon are pseudo-headers if they are known as such.</summary>
    public static byte[] Encode(HpackEncoder encoder, IEnumerable<HpackHeader> headers)
    {
        var block = new List<byte>();
        var room = new byte[HpackEncoder.MaxBeginBytes];
        block.AddRange(room[..encoder.BeginBlock(room)]);
        foreach (var header in headers)
        {
            var name = Bytes(header.Name);
            var value = Bytes(header.Value);
            room = new byte[HpackEncoder.MaxFieldBytes(name.Length, value.Length)];
            var code = HpackNames.Find(name);
            var length = code is >= HpackNames.FirstPseudo and <= HpackNames.LastPseudo
                ? encoder.WritePseudo(room, (HpackPseudo)(code - HpackNames.FirstPseudo + 1), value)
                : encoder.Write(room, HeaderTable.Find(name) is var id && code == (byte)id ? id : HeaderId.None, name, value, header.NeverIndexed);
            block.AddRange(room[..length]);
        }

        return [.. block];
    }

    private sealed class Sink(int wanted) : IHpackSink
    {
        public List<HpackHeader> Headers { get; } = [];

        public List<string> Names { get; } = [];

        public bool OnHeader(in HpackField field)
        {
            Headers.Count.ShouldBeLessThan(wanted, "the sink was called after it had said that it wants no more");
            Headers.Add(new HpackHeader(Text(field.Name), Text(field.Value), field.NeverIndexed));
            Names.Add(field.Pseudo != HpackPseudo.None ? field.Pseudo.ToString() : field.Id.ToString());
            return Headers.Count < wanted;
        }
    }
}
