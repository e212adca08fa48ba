namespace MeshProxy.Fuzz;

/// <summary>
/// Runs each target for a bounded number of inputs from a fixed seed. MESHPROXY_FUZZ_COUNT and MESHPROXY_FUZZ_SEED
/// make a run longer or another one.
/// </summary>
public sealed class FuzzTests
{
    private const int DefaultCount = 20_000;
    private const int DefaultSeed = 20240131;

    [Fact]
    public void Http1RequestHead() => Run<Http1RequestHeadTarget>();

    [Fact]
    public void Http1ResponseHead() => Run<Http1ResponseHeadTarget>();

    [Fact]
    public void Http1ChunkedBody() => Run<Http1ChunkedBodyTarget>();

    [Fact]
    public void ClientHello() => Run<ClientHelloTarget>();

    [Fact]
    public void ProxyProtocol() => Run<ProxyProtocolTarget>();

    [Fact]
    public void HttpStart() => Run<HttpStartTarget>();

    [Fact]
    public void Hpack() => Run<HpackTarget>();

    [Fact]
    public void Http2ServerFrames() => Run<Http2ServerTarget>();

    [Fact]
    public void Http2ClientFrames() => Run<Http2ClientTarget>();

    private static void Run<T>()
        where T : IFuzzTarget
    {
        var count = Setting("MESHPROXY_FUZZ_COUNT", DefaultCount);
        var mutator = new Mutator(Setting("MESHPROXY_FUZZ_SEED", DefaultSeed), T.Seeds, T.Tokens);
        for (var i = 0; i < count; i++)
        {
            var input = mutator.Next();
            try
            {
                T.Fuzz(input);
            }
            catch (Exception e)
            {
                throw new Xunit.Sdk.XunitException($"{typeof(T).Name}, input {i}: {Convert.ToBase64String(input)}\n{System.Text.Encoding.Latin1.GetString(input)}\n{e}");
            }
        }
    }

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out var value) ? value : otherwise;
}
