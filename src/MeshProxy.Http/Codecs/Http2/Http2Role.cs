namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Which end of the connection a codec is.</summary>
internal enum Http2Role : byte
{
    /// <summary>Takes requests: the downstream side.</summary>
    Server,

    /// <summary>Makes requests: the upstream side.</summary>
    Client,
}
