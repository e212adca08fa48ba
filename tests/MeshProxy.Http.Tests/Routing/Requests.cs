using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Routing;

/// <summary>Makes request heads.</summary>
internal static class Requests
{
    public static RequestHeaders Get(string path, string host = "foo.com", params (string Name, string Value)[] headers)
    {
        var request = new RequestHeaders(new SlabPool());
        request.SetMethod(KnownMethod.Get);
        request.SetPath(path);
        request.SetAuthority(host);
        foreach (var (name, value) in headers)
        {
            request.Add(name, value);
        }

        return request;
    }

    public static RequestHeaders Connect(string authority)
    {
        var request = new RequestHeaders(new SlabPool());
        request.SetMethod(KnownMethod.Connect);
        request.SetAuthority(authority);
        return request;
    }

    public static string PathText(this RequestHeaders headers) => System.Text.Encoding.Latin1.GetString(headers.Path);

    /// <summary>All values of a name, one after the other.</summary>
    public static string[] Values(this HeaderMap headers, string name)
    {
        var values = new List<string>();
        foreach (var header in headers)
        {
            if (System.Text.Encoding.ASCII.GetString(header.Name).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                values.Add(System.Text.Encoding.ASCII.GetString(header.Value));
            }
        }

        return [.. values];
    }
}
