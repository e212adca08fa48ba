using MeshProxy.Core.Addresses;
using MeshProxy.Core.TransportSockets.Tls;
using Microsoft.Win32.SafeHandles;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>What two connections must have in common for the one to take up the session of the other: the server, and what is expected of it.</summary>
internal readonly record struct OpenSslSessionKey(NetworkAddress? Address, PeerNames Names);

/// <summary>A session of an earlier connection, and whom that had met.</summary>
internal sealed class OpenSslSession : SafeHandleZeroOrMinusOneIsInvalid
{
    public OpenSslSession(nint session, PeerVerdict verdict, byte[]? peer)
        : base(ownsHandle: true)
    {
        SetHandle(session);
        Verdict = verdict;
        Peer = peer;
    }

    /// <summary>For native calls while this object is known to live.</summary>
    public nint Pointer => handle;

    public PeerVerdict Verdict { get; }

    /// <summary>The server's certificate as DER.</summary>
    public byte[]? Peer { get; }

    /// <summary>With a reference of its own.</summary>
    public OpenSslSession Share()
    {
        _ = LibSsl.SSL_SESSION_up_ref(handle);
        return new OpenSslSession(handle, Verdict, Peer);
    }

    protected override bool ReleaseHandle()
    {
        LibSsl.SSL_SESSION_free(handle);
        return true;
    }
}

/// <summary>Sessions of a cluster's servers, the newest first to be taken up.</summary>
/// <remarks>Shared by all workers, under a lock that is held for the look-up alone, once or twice a handshake.</remarks>
/// <param name="maxSessions">For each server (Envoy: <c>max_session_keys</c>).</param>
internal sealed class OpenSslSessions(int maxSessions)
{
    /// <summary>How many servers' sessions are kept; when there are more, all begin anew.</summary>
    private const int MaxKeys = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<OpenSslSessionKey, List<Kept>> _sessions = [];

    /// <summary>Keeps a session, and drops the oldest one if there are too many.</summary>
    /// <returns>Whether its reference was taken over.</returns>
    public bool TryAdd(OpenSslSessionKey key, nint session, PeerVerdict verdict, byte[]? peer)
    {
        if (maxSessions == 0)
        {
            return false;
        }

        // TLS 1.3: a ticket is for one connection, or a watcher could tell that two belong together (RFC 8446, appendix C.4).
        var kept = new Kept(new OpenSslSession(session, verdict, peer), LibSsl.SSL_SESSION_get_protocol_version(session) == LibSsl.Tls13);
        lock (_lock)
        {
            if (!_sessions.TryGetValue(key, out var list))
            {
                if (_sessions.Count >= MaxKeys)
                {
                    _sessions.Clear(); // the finalizer gives the references back
                }

                _sessions[key] = list = [];
            }

            if (list.Count >= maxSessions)
            {
                list[0].Session.Dispose();
                list.RemoveAt(0);
            }

            list.Add(kept);
        }

        return true;
    }

    /// <summary>A session to offer; null if there is none whose server's certificate has not expired since. The caller disposes of it.</summary>
    public OpenSslSession? Take(OpenSslSessionKey key, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(key, out var list) || list.Count == 0)
            {
                return null;
            }

            var newest = list[^1];
            if (now > newest.Session.Verdict.ValidUntil)
            {
                list.ForEach(static kept => kept.Session.Dispose());
                list.Clear();
                return null;
            }

            if (!newest.Once)
            {
                return newest.Session.Share();
            }

            list.RemoveAt(list.Count - 1);
            return newest.Session;
        }
    }

    private readonly record struct Kept(OpenSslSession Session, bool Once);
}
