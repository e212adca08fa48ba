using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.TransportSockets.Tls;

internal static partial class TlsLog
{
    public static ILogger Create(ILoggerFactory factory) => factory.CreateLogger("MeshProxy.Tls");

    [LoggerMessage(1, LogLevel.Warning, "{Owner}: trust_chain_verification is ACCEPT_UNTRUSTED, so that any server is taken for the right one")]
    public static partial void AcceptsAnybody(ILogger logger, string owner);

    [LoggerMessage(2, LogLevel.Error, "New TLS secrets cannot be used, those before stay: {Errors}")]
    public static partial void SecretsRejected(ILogger logger, string errors);

    [LoggerMessage(3, LogLevel.Error, "A provider of TLS secrets failed, those before stay")]
    public static partial void ProviderFailed(ILogger logger, Exception exception);
}
