using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>A program that a test runs. It does not outlive the test.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _output = [];

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it has written so far, standard output and error.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    public static ChildProcess Start(string program, params string[] arguments) => new(new Process
    {
        StartInfo = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        },
    });

    /// <summary>Starts a .NET program of this repository.</summary>
    /// <param name="project">Its project's folder, from the repository's root.</param>
    /// <param name="assembly">Its assembly's name.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ChildProcess StartProject(string project, string assembly, params string[] arguments)
    {
        // tests/MeshProxy.Integration.Tests/bin/CONFIGURATION/FRAMEWORK/
        var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        var path = Path.Combine(root, project, "bin", here.Parent!.Name, here.Name, assembly + ".dll");
        return Start(Environment.ProcessPath is { } dotnet && Path.GetFileNameWithoutExtension(dotnet) == "dotnet" ? dotnet : "dotnet", ["exec", path, .. arguments]);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        await using var child = Start(program, arguments);
        return (await child.ExitAsync(), child.Output);
    }

    /// <summary>Waits until the output matches.</summary>
    public async Task<Match> OutputAsync(string pattern)
    {
        Match match = Match.Empty;
        await Settings.EventuallyAsync(
            () => (match = Regex.Match(Output, pattern)).Success || _process.HasExited,
            () => $"'{pattern}' does not appear in: {Output}");
        if (!match.Success)
        {
            await ExitAsync(); // also waits for the rest of its output, which comes on other threads
        }

        (match = Regex.Match(Output, pattern)).Success.ShouldBeTrue($"exited without '{pattern}': {Output}");
        return match;
    }

    /// <summary>Waits for the end. The exit code.</summary>
    public async Task<int> ExitAsync()
    {
        using var patience = new CancellationTokenSource(2 * Settings.Patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    /// <summary>Ends its standard input.</summary>
    public void EndInput() => _process.StandardInput.Close();

    /// <summary>Sends INT or TERM. By the system call: the kill command is not on every machine.</summary>
    public void Signal(string signal)
    {
        if (Kill(_process.Id, signal == "INT" ? 2 : 15) != 0)
        {
            throw new InvalidOperationException($"the signal {signal} could not be sent: error {Marshal.GetLastPInvokeError()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                _output.Add(line);
            }
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int process, int signal);
}
