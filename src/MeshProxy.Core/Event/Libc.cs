using System.Runtime.InteropServices;

namespace MeshProxy.Core.Event;

/// <summary>The calls of Linux's C library that the epoll loop makes. All signatures are blittable, so nothing is marshalled.</summary>
/// <remarks>
/// The names that end in <c>Fast</c> skip the garbage collector's transition: only for calls that cannot block and move at most
/// <see cref="FastTransferBytes"/>, since a collection waits for them. After a failure read <see cref="Errno"/> before anything else.
/// </remarks>
internal static unsafe partial class Libc
{
    // SYS_recvfrom and SYS_sendto.
    private static readonly nint s_receiveNumber = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 207 : 45;
    private static readonly nint s_sendNumber = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 206 : 44;

    public const int FastTransferBytes = 16 * 1024;

    public const int AfUnix = 1;
    public const int AfInet = 2;
    public const int AfInet6 = 10;
    public const int SockStream = 1;
    public const int SockNonBlock = 0x800;
    public const int SockCloseOnExec = 0x80000;
    public const int MsgNoSignal = 0x4000;
    public const int ShutWrite = 1;

    public const int SolSocket = 1;
    public const int SoReuseAddress = 2;
    public const int SoError = 4;
    public const int SoSendBuffer = 7;
    public const int SoReceiveBuffer = 8;
    public const int SoKeepAlive = 9;
    public const int SoLinger = 13;
    public const int SoReusePort = 15;
    public const int IpProtoTcp = 6;
    public const int TcpNoDelay = 1;
    public const int TcpKeepIdle = 4;
    public const int TcpKeepInterval = 5;
    public const int TcpKeepCount = 6;
    public const int IpProtoIp = 0;
    public const int IpProtoIPv6 = 41;

    /// <summary>SO_ORIGINAL_DST of linux/netfilter_ipv4.h, and IP6T_SO_ORIGINAL_DST.</summary>
    public const int OriginalDestination = 80;
    public const int IPv6Only = 26;

    public const int EpollCloseOnExec = 0x80000;
    public const int EpollCtlAdd = 1;
    public const int EpollCtlDelete = 2;
    public const uint EpollIn = 0x1;
    public const uint EpollPriority = 0x2;
    public const uint EpollOut = 0x4;
    public const uint EpollError = 0x8;
    public const uint EpollHangUp = 0x10;
    public const uint EpollReadHangUp = 0x2000;
    public const uint EpollExclusive = 1u << 28;
    public const uint EpollEdge = 1u << 31;
    public const int EventFdNonBlock = 0x800;
    public const int EventFdCloseOnExec = 0x80000;

    public const int EIntr = 4;

    /// <summary>PR_SET_TIMERSLACK of linux/prctl.h, for the calling thread.</summary>
    public const int PrSetTimerSlack = 29;

    private const string Library = "libc";

    public static int Errno => Marshal.GetLastSystemError();

    /// <summary>struct iovec.</summary>
    public struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>struct timespec.</summary>
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>struct msghdr of 64-bit Linux (musl's narrower fields read the same, for the upper halves are zero).</summary>
    public struct MessageHeader
    {
        public void* Name;
        public nuint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public nint Flags;
    }

    [DllImport(Library, EntryPoint = "socket")]
    public static extern int Socket(int family, int type, int protocol);

    [DllImport(Library, EntryPoint = "bind")]
    public static extern int Bind(int fd, byte* address, int length);

    [DllImport(Library, EntryPoint = "listen")]
    public static extern int Listen(int fd, int backlog);

    [DllImport(Library, EntryPoint = "connect")]
    public static extern int Connect(int fd, byte* address, int length);

    [SuppressGCTransition]
    [DllImport(Library, EntryPoint = "accept4")]
    public static extern int AcceptFast(int fd, byte* address, int* length, int flags);

    [DllImport(Library, EntryPoint = "getsockname")]
    public static extern int GetSocketName(int fd, byte* address, int* length);

    [DllImport(Library, EntryPoint = "getsockopt")]
    public static extern int GetSocketOption(int fd, int level, int name, void* value, int* length);

    [DllImport(Library, EntryPoint = "setsockopt")]
    public static extern int SetSocketOption(int fd, int level, int name, void* value, int length);

    [DllImport(Library, EntryPoint = "recv")]
    public static extern nint Receive(int fd, byte* buffer, nuint length, int flags);

    /// <summary>recv by its number: the C library's function is a cancellation point, which costs two atomic operations a call in a process with threads.</summary>
    public static nint ReceiveFast(int fd, byte* buffer, nuint length, int flags) =>
        SystemCallFast(s_receiveNumber, fd, buffer, (nint)length, flags, 0, 0);

    [DllImport(Library, EntryPoint = "send")]
    public static extern nint Send(int fd, byte* buffer, nuint length, int flags);

    /// <summary>send by its number, as <see cref="ReceiveFast"/>.</summary>
    public static nint SendFast(int fd, byte* buffer, nuint length, int flags) =>
        SystemCallFast(s_sendNumber, fd, buffer, (nint)length, flags, 0, 0);

    [SuppressGCTransition]
    [DllImport(Library, EntryPoint = "syscall")]
    private static extern nint SystemCallFast(nint number, nint fd, byte* buffer, nint length, nint flags, nint address, nint addressLength);

    [DllImport(Library, EntryPoint = "sendmsg")]
    public static extern nint SendMessage(int fd, MessageHeader* message, int flags);

    [SuppressGCTransition]
    [DllImport(Library, EntryPoint = "sendmsg")]
    public static extern nint SendMessageFast(int fd, MessageHeader* message, int flags);

    [DllImport(Library, EntryPoint = "shutdown")]
    public static extern int Shutdown(int fd, int how);

    [DllImport(Library, EntryPoint = "close")]
    public static extern int Close(int fd);

    [DllImport(Library, EntryPoint = "write")]
    public static extern nint Write(int fd, void* buffer, nuint length);

    [DllImport(Library, EntryPoint = "chmod")]
    public static extern int ChangeMode(byte* path, uint mode);

    [DllImport(Library, EntryPoint = "epoll_create1")]
    public static extern int EpollCreate(int flags);

    [DllImport(Library, EntryPoint = "epoll_ctl")]
    public static extern int EpollControl(int epoll, int operation, int fd, void* epollEvent);

    [DllImport(Library, EntryPoint = "epoll_wait")]
    public static extern int EpollWait(int epoll, void* events, int maxEvents, int timeoutMs);

    [DllImport(Library, EntryPoint = "nanosleep")]
    public static extern int NanoSleep(TimeSpec* time, TimeSpec* left);

    [DllImport(Library, EntryPoint = "prctl")]
    public static extern int ProcessControl(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [DllImport(Library, EntryPoint = "eventfd")]
    public static extern int EventFd(uint initial, int flags);
}
