using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters.DirectResponse;
using MeshProxy.Core.NetworkFilters.Echo;
using MeshProxy.Core.Tests.Event;
using MeshProxy.Core.Tests.NetworkFilters;
using MeshProxy.Core.Tests.Server;
using MeshProxy.Core.TransportSockets.Memory;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.TransportSockets.Memory;

/// <summary>The face of an internal listener for threads that are no loop's, against a loop on a thread of its own.</summary>
public class MemoryDuplexPipeTests
{
    private static readonly InternalAddress Name = new("inner");
    private static readonly TimeSpan Patience = Waiting.Patience;

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Echo_FromAForeignThread_BringsEverythingBack(EventLoopKind kind)
    {
        await using var worker = new LoopThread(kind);
        var network = new MemoryNetwork();
        await worker.RunAsync(() => network.Attach(worker.Loop));
        await worker.RunAsync(() => new FilterHost(worker.Loop, Name, [new EchoFilterFactory()]));
        await using var pipe = network.Connect(Name);
        var sent = new byte[3_000_000];
        new Random(2).NextBytes(sent);
        var sending = SendAsync();
        var received = await ReceiveAllAsync(pipe).WaitAsync(Patience);
        await sending.WaitAsync(Patience);
        received.ShouldBe(sent);

        async Task SendAsync()
        {
            await pipe.Output.WriteAsync(sent);
            await pipe.Output.CompleteAsync();
        }
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Peer_ThatAnswersAndCloses_EndsTheInput(EventLoopKind kind)
    {
        await using var worker = new LoopThread(kind);
        var network = new MemoryNetwork();
        await worker.RunAsync(() => network.Attach(worker.Loop));
        var filter = new DirectResponseFilterFactory(new() { Response = "busy" });
        await worker.RunAsync(() => new FilterHost(worker.Loop, Name, [filter]));
        await using var pipe = network.Connect(Name);
        (await ReceiveAllAsync(pipe).WaitAsync(Patience)).ShouldBe("busy"u8.ToArray());
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Peer_ThatResets_FailsTheInput(EventLoopKind kind)
    {
        await using var worker = new LoopThread(kind);
        var network = new MemoryNetwork();
        await worker.RunAsync(() => network.Attach(worker.Loop));
        var host = await worker.RunAsync(() => new FilterHost(worker.Loop, Name, [new EchoFilterFactory()]));
        await using var pipe = network.Connect(Name);
        await pipe.Output.WriteAsync(new byte[1]);
        var echo = (await pipe.Input.ReadAsync().AsTask().WaitAsync(Patience)).Buffer;
        echo.Length.ShouldBe(1);
        pipe.Input.AdvanceTo(echo.End);
        await worker.RunAsync(() => host.Connections[0].Close(CloseType.Reset));
        await Should.ThrowAsync<IOException>(() => ReceiveAllAsync(pipe).WaitAsync(Patience));
    }

    [Fact]
    public void Connect_ToANameThatNobodyHas_Throws() =>
        Should.Throw<IOException>(() => new MemoryNetwork().Connect(Name)).Message.ShouldContain("internal:inner");

    private static async Task<byte[]> ReceiveAllAsync(MemoryDuplexPipe pipe)
    {
        using var all = new MemoryStream();
        await pipe.Input.CopyToAsync(all);
        return all.ToArray();
    }
}
