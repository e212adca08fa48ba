using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MeshProxy.Core.AccessLog;

/// <summary>Appends to a file, which is made if it is not there. <c>/dev/stdout</c> and <c>/dev/stderr</c> are the process's own.</summary>
internal sealed partial class FileAccessLogOutput : IAccessLogOutput
{
    private readonly string _path;
    private Stream _stream;

    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public FileAccessLogOutput(string path)
    {
        _path = path;
        _stream = Open(path);
    }

    public void Write(ReadOnlySpan<byte> lines)
    {
        if (_stream.CanSeek)
        {
            // To the present end, for copytruncate empties the file under us. (Where O_APPEND is set, the kernel sees to it.)
            _stream.Seek(0, SeekOrigin.End);
        }

        _stream.Write(lines);
        _stream.Flush();
    }

    public void Reopen()
    {
        var fresh = Open(_path);
        _stream.Dispose();
        _stream = fresh;
    }

    public void Dispose() => _stream.Dispose();

    private static Stream Open(string path) => path switch
    {
        "/dev/stdout" => Console.OpenStandardOutput(),
        "/dev/stderr" => Console.OpenStandardError(),
        _ => OpenFile(path),
    };

    private static FileStream OpenFile(string path)
    {
        var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        });
        if (OperatingSystem.IsLinux())
        {
            // .NET has no O_APPEND, and without it two proxies that log to one file overwrite each other's lines.
            _ = Fcntl(stream.SafeFileHandle, SetStatusFlags, Append);
        }

        return stream;
    }

    // Linux's values, the same on x64 and arm64.
    private const int SetStatusFlags = 4;
    private const int Append = 0x400;

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Fcntl(SafeFileHandle file, int command, int argument);
}
