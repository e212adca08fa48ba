using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.Tests.Event;

/// <summary>With a real firewall, in a network namespace of the test's thread alone.</summary>
public sealed class OriginalDestinationTests
{
    private const int NewNetworkNamespace = 0x40000000;

    [SkippableTheory]
    [InlineData(true, "iptables", "127.0.0.1", "10.1.2.3", "127.0.0.1")]
    [InlineData(false, "iptables", "127.0.0.1", "10.1.2.3", "127.0.0.1")]
    [InlineData(true, "ip6tables", "::1", "::1", "::1")]
    [InlineData(false, "ip6tables", "::1", "::1", "::1")]
    [InlineData(true, "iptables", "::", "127.0.0.1", "127.0.0.1")] // a socket of both families
    [InlineData(false, "iptables", "::", "127.0.0.1", "127.0.0.1")] // a socket of both families
    public void RedirectedConnection_KnowsWhereItWasToGo(bool portable, string program, string listen, string target, string via)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux only");
        Skip.If(Find(program) is null || Find("ip") is null, $"{program} or ip is not installed");
        var answer = "";
        string? skipped = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                skipped = Enter(program, target, via);
                answer = skipped is null ? Connect(portable ? new PortableSocketOps() : new LinuxSocketOps(), listen, target) : "";
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        failure.ShouldBeNull();
        Skip.If(skipped is not null, "not permitted here: " + skipped); // .ci/test-totals knows these words
        answer.ShouldBe(new IPEndPoint(IPAddress.Parse(target), 4443).ToString());
    }

    [SkippableFact]
    public void ConnectionOfAUnixSocket_HasNone()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux only");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        new LinuxSocketOps().GetOriginalDestination((int)socket.Handle).ShouldBeNull();
    }

    /// <summary>Null, or why this machine does not let us.</summary>
    private static string? Enter(string program, string target, string via)
    {
        if (Unshare(NewNetworkNamespace) != 0)
        {
            return "a network namespace";
        }

        var redirect = $"-t nat -A OUTPUT -p tcp -d {target} --dport 4443 -j REDIRECT --to-ports 5555";
        return Run("ip", "link set lo up") ?? (target == via ? null : Run("ip", $"addr add {target} dev lo")) ?? Run(program, redirect);
    }

    private static string Connect(ISocketOps ops, string listen, string target)
    {
        var address = NetworkAddress.Ip(listen, 5555);
        ops.Create(address, out var listener).ShouldBe(SocketStatus.Ok);
        ops.SetOption(listener, MeshProxy.Core.Event.SocketOption.IPv6Only, 0);
        ops.Bind(listener, address).ShouldBe(SocketStatus.Ok);
        ops.Listen(listener, 1).ShouldBe(SocketStatus.Ok);
        using var client = new Socket(IPAddress.Parse(target).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Parse(target), 4443);
        ops.Accept(listener, out var accepted, out _).ShouldBe(SocketStatus.Ok);
        var original = ops.GetOriginalDestination(accepted);
        ops.Close(accepted);
        ops.Close(listener);
        return original?.ToString() ?? "none";
    }

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin").Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);

    private static string? Run(string program, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Find(program)!, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : $"{program} {arguments}: {error}";
    }

    [DllImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static extern int Unshare(int flags);
}
