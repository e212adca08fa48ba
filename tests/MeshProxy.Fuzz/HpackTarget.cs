using System.Text;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Fuzz;

/// <summary>
/// Header blocks of one connection, each with its length in front. The decoder stays within its bounds; one whose sink wants no
/// more ends with the same table; and what was decoded, encoded again, decodes to the same.
/// </summary>
internal sealed class HpackTarget : IFuzzTarget
{
    private const int MaxListBytes = 64 * 1024;
    private const int TableBytes = 256;

    public static IReadOnlyList<string> Seeds { get; } =
    [
        Blocks("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
        Blocks("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
        Blocks(
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"),
        Blocks("203fe10140016101624001630164bebf", "100870617373776f726406736563726574", "0f0d0130"),
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        Latin("20"), Latin("3fe101"), Latin("3fe11f"), Latin("be"), Latin("bf"), Latin("ffffffff07"), Latin("4001610162"), Latin("4081ff00"), Latin("00841fffffff00"),
        Latin("7e0178"), Latin("7f000178"), Latin("1f080178"), Latin("82848688"), Latin("0084ffffffff00"), Latin("40034142430158"), Latin("4000"), Latin("00"), Latin("c0c1c2c3"),
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        var decoder = new HpackDecoder(TableBytes, MaxListBytes);
        var deaf = new HpackDecoder(TableBytes, MaxListBytes);
        var encoder = new HpackEncoder(TableBytes);
        encoder.SetPeerTableLimit(TableBytes);
        var again = new HpackDecoder();
        while (!data.IsEmpty)
        {
            var length = Math.Min(data[0], data.Length - 1);
            var block = data.Slice(1, length);
            data = data[(1 + length)..];

            var sink = new Sink(int.MaxValue);
            var error = decoder.Decode(block, ref sink);
            decoder.ListBytes.ShouldBeLessThanOrEqualTo(MaxListBytes);
            decoder.Table.MaxBytes.ShouldBeLessThanOrEqualTo(TableBytes);
            decoder.Table.Bytes.ShouldBeLessThanOrEqualTo(decoder.Table.MaxBytes);
            decoder.Table.AllocatedBytes.ShouldBeLessThanOrEqualTo(TableBytes + (8 * 8));

            var deafSink = new Sink(1);
            deaf.Decode(block, ref deafSink).ShouldBe(error);
            Table(deaf).ShouldBe(Table(decoder));
            if (error != HpackError.None)
            {
                return;
            }

            var secondSink = new Sink(int.MaxValue);
            again.Decode(Encode(encoder, sink.Headers), ref secondSink).ShouldBe(HpackError.None);
            secondSink.Headers.Count.ShouldBe(sink.Headers.Count);
            for (var i = 0; i < sink.Headers.Count; i++)
            {
                var (name, value, never) = secondSink.Headers[i];
                name.ShouldBe(Lower(sink.Headers[i].Name));
                value.ShouldBe(sink.Headers[i].Value);
                (never || !sink.Headers[i].Never || HpackNames.Find(Bytes(name)) >= HpackNames.FirstPseudo).ShouldBeTrue();
            }
        }
    }

    private static byte[] Encode(HpackEncoder encoder, List<(string Name, string Value, bool Never)> headers)
    {
        var room = new byte[HpackEncoder.MaxBeginBytes + headers.Sum(h => HpackEncoder.MaxFieldBytes(h.Name.Length, h.Value.Length))];
        var at = encoder.BeginBlock(room);
        foreach (var (name, value, never) in headers)
        {
            var code = HpackNames.Find(Bytes(name));
            at += code is >= HpackNames.FirstPseudo and <= HpackNames.LastPseudo
                ? encoder.WritePseudo(room.AsSpan(at), (HpackPseudo)(code - HpackNames.FirstPseudo + 1), Bytes(value))
                : encoder.Write(room.AsSpan(at), code < HpackNames.FirstPseudo ? (HeaderId)code : HeaderId.None, Bytes(name), Bytes(value), never);
        }

        return room[..at];
    }

    private static string Table(HpackDecoder decoder)
    {
        var text = new StringBuilder();
        for (var i = 0; i < decoder.Table.Count; i++)
        {
            ref var entry = ref decoder.Table.FromNewest(i);
            text.Append(Encoding.Latin1.GetString(decoder.Table.NameOf(entry))).Append(": ").Append(Encoding.Latin1.GetString(decoder.Table.ValueOf(entry))).Append('\n');
        }

        return text.ToString();
    }

    private static string Blocks(params string[] hex) => string.Concat(hex.Select(h => (char)(h.Length / 2) + Latin(h)));

    private static string Latin(string hex) => Encoding.Latin1.GetString(Convert.FromHexString(hex));

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    // ASCII only: the upper half of Latin-1 has letters of its own.
    private static string Lower(string name) => string.Concat(name.Select(c => c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c));

    private sealed class Sink(int wanted) : IHpackSink
    {
        public List<(string Name, string Value, bool Never)> Headers { get; } = [];

        public bool OnHeader(in HpackField field)
        {
            Headers.Add((Encoding.Latin1.GetString(field.Name), Encoding.Latin1.GetString(field.Value), field.NeverIndexed));
            return Headers.Count < wanted;
        }
    }
}
