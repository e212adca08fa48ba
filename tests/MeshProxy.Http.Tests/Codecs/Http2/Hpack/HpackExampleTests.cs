using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.Http.Tests.Codecs.Http2.Hpack;

/// <summary>The examples of RFC 7541 appendix C.</summary>
public sealed class HpackExampleTests
{
    private static readonly string[] s_firstRequest = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    private static readonly string[] s_secondRequest = [.. s_firstRequest, "cache-control: no-cache"];
    private static readonly string[] s_thirdRequest =
        [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"];

    private static readonly string[] s_firstResponse =
        [":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];

    private static readonly string[] s_secondResponse =
        [":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];

    private static readonly string[] s_thirdResponse =
    [
        ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com", "content-encoding: gzip",
        "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];

    // C.1.1 to C.1.3
    [Theory]
    [InlineData("0a", 0x1F, 10)]
    [InlineData("1f9a0a", 0x1F, 1337)]
    [InlineData("2a", 0xFF, 42)]
    public void Integer_OfTheExamples_ReadsAndWrites(string hex, int mask, int value)
    {
        var bytes = HpackHarness.Hex(hex);
        var at = 0;
        HpackInteger.Read(bytes, ref at, mask, out var read).ShouldBe(HpackError.None);
        read.ShouldBe(value);
        at.ShouldBe(bytes.Length);

        var room = new byte[HpackInteger.MaxBytes];
        var written = HpackInteger.Write(room, 0, mask, value);
        room[..written].ShouldBe(bytes);
    }

    // C.2.1 to C.2.4
    [Theory]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", 55)]
    [InlineData("040c2f73616d706c652f70617468", ":path: /sample/path", 0)]
    [InlineData("100870617373776f726406736563726574", "password: secret (never indexed)", 0)]
    [InlineData("82", ":method: GET", 0)]
    public void Field_OfEachRepresentation_Decodes(string hex, string header, int tableBytes)
    {
        var h = new HpackHarness();
        h.Decode(hex).ShouldBe(HpackError.None);
        h.Headers.Select(x => x.ToString()).ShouldBe([header]);
        h.Decoder.Table.Bytes.ShouldBe(tableBytes);
    }

    // C.3 without Huffman, C.4 with it
    [Theory]
    [InlineData(
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")]
    [InlineData(
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")]
    public void Requests_OnOneConnection_DecodeAndFillTheTable(string first, string second, string third)
    {
        var h = new HpackHarness();

        Expect(h, first, s_firstRequest, [":authority: www.example.com"], 57);
        h.Names.ShouldBe(["Method", "Scheme", "Path", "Authority"]);
        Expect(h, second, s_secondRequest, ["cache-control: no-cache", ":authority: www.example.com"], 110);
        h.Names.ShouldBe(["Method", "Scheme", "Path", "Authority", "CacheControl"]);
        Expect(h, third, s_thirdRequest, ["custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"], 164);
        h.Names.ShouldBe(["Method", "Scheme", "Path", "Authority", "None"]);
    }

    // C.5 without Huffman, C.6 with it: a table of 256 bytes
    [Theory]
    [InlineData(
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31")]
    [InlineData(
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void Responses_InATableOf256Bytes_DecodeAndEvict(string first, string second, string third)
    {
        var h = new HpackHarness(tableBytes: 256);

        Expect(
            h, first, s_firstResponse,
            ["location: https://www.example.com", "date: Mon, 21 Oct 2013 20:13:21 GMT", "cache-control: private", ":status: 302"], 222);
        Expect(
            h, second, s_secondResponse,
            [":status: 307", "location: https://www.example.com", "date: Mon, 21 Oct 2013 20:13:21 GMT", "cache-control: private"], 222);
        Expect(
            h, third, s_thirdResponse,
            ["set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1", "content-encoding: gzip", "date: Mon, 21 Oct 2013 20:13:22 GMT"], 215);
        h.Names.ShouldBe(["Status", "CacheControl", "Date", "Location", "ContentEncoding", "SetCookie"]);
    }

    // C.4: our choices for these are those of the examples
    [Fact]
    public void Encoder_GivenTheRequests_WritesTheBytesOfTheExamples()
    {
        var encoder = new HpackEncoder();

        Encode(encoder, s_firstRequest).ShouldBe("828684418cf1e3c2e5f23a6ba0ab90f4ff");
        Encode(encoder, s_secondRequest).ShouldBe("828684be5886a8eb10649cbf");
        Encode(encoder, s_thirdRequest).ShouldBe("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf");
        HpackHarness.TableOf(encoder.Table).ShouldBe(["custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"]);
    }

    private static string Encode(HpackEncoder encoder, string[] headers) => Convert.ToHexStringLower(HpackHarness.Encode(encoder, headers.Select(Parse)));

    private static HpackHeader Parse(string line)
    {
        var colon = line.IndexOf(": ", StringComparison.Ordinal);
        return new HpackHeader(line[..colon], line[(colon + 2)..]);
    }

    private static void Expect(HpackHarness h, string hex, string[] headers, string[] table, int tableBytes)
    {
        h.Decode(hex).ShouldBe(HpackError.None);
        h.Headers.Select(x => x.ToString()).ShouldBe(headers);
        h.Table.ShouldBe(table);
        h.Decoder.Table.Bytes.ShouldBe(tableBytes);
    }
}
