using System.Net.Sockets;

namespace MeshProxy.Core.Event;

/// <summary>
/// The handles of the portable loop: small integers that stand for <see cref="Socket"/>s as file descriptors do, valid on every
/// loop of the process, so that an accepted connection can be handed to another worker.
/// </summary>
internal static class PortableSocketTable
{
    private static readonly Lock Gate = new();
    private static readonly Stack<int> Free = new();
    private static Socket?[] s_sockets = new Socket?[64];
    private static int s_count;

    public static int Add(Socket socket)
    {
        lock (Gate)
        {
            if (!Free.TryPop(out var handle))
            {
                handle = s_count++;
                if (handle == s_sockets.Length)
                {
                    // A copy, because readers take no lock.
                    var bigger = new Socket?[handle * 2];
                    s_sockets.CopyTo(bigger, 0);
                    Volatile.Write(ref s_sockets, bigger);
                }
            }

            s_sockets[handle] = socket;
            return handle;
        }
    }

    /// <exception cref="ArgumentException">The handle is not open.</exception>
    public static Socket Get(int handle)
    {
        var sockets = Volatile.Read(ref s_sockets);
        return ((uint)handle < (uint)sockets.Length ? sockets[handle] : null) ?? throw new ArgumentException($"socket {handle} is not open", nameof(handle));
    }

    public static Socket Remove(int handle)
    {
        lock (Gate)
        {
            var socket = Get(handle);
            s_sockets[handle] = null;
            Free.Push(handle);
            return socket;
        }
    }
}
