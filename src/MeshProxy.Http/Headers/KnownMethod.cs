namespace MeshProxy.Http.Headers;

/// <summary>The request methods that the engine knows by number (RFC 9110 section 9.3, RFC 5789).</summary>
public enum KnownMethod : byte
{
    /// <summary>A method that is not in this list, or none yet.</summary>
    Other = 0,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

internal static class KnownMethods
{
    public static ReadOnlySpan<byte> Name(KnownMethod method) => method switch
    {
        KnownMethod.Get => "GET"u8,
        KnownMethod.Head => "HEAD"u8,
        KnownMethod.Post => "POST"u8,
        KnownMethod.Put => "PUT"u8,
        KnownMethod.Delete => "DELETE"u8,
        KnownMethod.Connect => "CONNECT"u8,
        KnownMethod.Options => "OPTIONS"u8,
        KnownMethod.Trace => "TRACE"u8,
        KnownMethod.Patch => "PATCH"u8,
        _ => default,
    };

    /// <summary>Methods are case-sensitive (RFC 9110 section 9.1).</summary>
    public static KnownMethod Find(ReadOnlySpan<byte> name)
    {
        for (var method = KnownMethod.Get; method <= KnownMethod.Patch; method++)
        {
            if (name.SequenceEqual(Name(method)))
            {
                return method;
            }
        }

        return KnownMethod.Other;
    }
}
