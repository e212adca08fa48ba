using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;

namespace MeshProxy.Gateway;

/// <summary>
/// What the benchmarks ask a running gateway. With MESHPROXY_GC_ON_SIGUSR1=1, SIGUSR1 makes a full compacting collection; with
/// MESHPROXY_DIAG=1, SIGUSR2 prints the bytes allocated so far.
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

        return registrations;
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
