using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;

namespace MeshProxy.Gateway;

/// <summary>
/// What the benchmarks ask a running gateway. With MESHPROXY_GC_ON_SIGUSR1=1, SIGUSR1 makes a full compacting collection; with
/// MESHPROXY_DIAG=1, SIGUSR2 prints the bytes allocated so far. With MESHPROXY_BLOCK_POOL=1 every thread of the thread pool is blocked for good, as by a
/// host app that waits in all of them; the proxy must not mind (but signals no longer arrive: end it with SIGKILL).
/// </summary>
internal static class ProcessDiagnostics
{
    private const int SigUsr1 = 10;
    private const int SigUsr2 = 12;

    public static IDisposable Register()
    {
        var registrations = new Registrations();
        if (OperatingSystem.IsLinux())
        {
            registrations.Add("MESHPROXY_GC_ON_SIGUSR1", SigUsr1, Collect);
            registrations.Add("MESHPROXY_DIAG", SigUsr2, PrintAllocated);
        }

        if (Environment.GetEnvironmentVariable("MESHPROXY_BLOCK_POOL") == "1")
        {
            BlockThreadPool();
        }

        return registrations;
    }

    private static void BlockThreadPool()
    {
        var threads = Environment.ProcessorCount + 2;
        ThreadPool.SetMinThreads(threads, threads);
        ThreadPool.SetMaxThreads(threads, threads);
        for (var i = 0; i < 2 * threads; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static _ => Thread.Sleep(Timeout.Infinite), null);
        }
    }

    private static void Collect()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private static void PrintAllocated() =>
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"allocated_bytes {GC.GetTotalAllocatedBytes(precise: true)}"));

    private sealed class Registrations : IDisposable
    {
        private readonly List<IDisposable> _all = [];

        public void Add(string variable, int signal, Action action)
        {
            if (Environment.GetEnvironmentVariable(variable) == "1")
            {
                _all.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
                {
                    context.Cancel = true;
                    action();
                }));
            }
        }

        public void Dispose() => _all.ForEach(registration => registration.Dispose());
    }
}
