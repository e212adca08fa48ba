using System.Globalization;
using System.Runtime.InteropServices;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Asks the worker of a proxy that has only one for the CPU time that its thread has used: not the wall clock, which others on the machine make go faster.</summary>
internal static class WorkerCpu
{
    private const string Path = "/worker-cpu";

    /// <summary>Makes the proxy answer.</summary>
    public static HttpConnectionManagerBuilder TellsWorkerCpu(this HttpConnectionManagerBuilder http) => http.Filter(static _ => new TellingFilter());

    /// <summary>CPU time so far; nothing ever where there is no such clock.</summary>
    public static async Task<TimeSpan> ReadAsync(Proxy proxy) =>
        TimeSpan.FromMicroseconds(double.Parse(await proxy.Client.GetStringAsync(Path), CultureInfo.InvariantCulture));

    private static double ThreadCpuUs()
    {
        const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        return ClockGetTime(ThreadCpuTime, out var now) == 0
            ? (now.Seconds * 1e6) + (now.Nanoseconds / 1e3)
            : throw new InvalidOperationException($"clock_gettime: {Marshal.GetLastPInvokeError()}");
    }

    [DllImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, out Timespec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    private sealed class TellingFilter : HttpFilter
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            if (!headers.Path.SequenceEqual("/worker-cpu"u8))
            {
                return new(FilterStatus.Continue);
            }

            Callbacks.SendLocalReply(200, ThreadCpuUs().ToString(CultureInfo.InvariantCulture), "worker_cpu");
            return new(FilterStatus.StopIteration);
        }
    }
}
