using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Makes TLS sockets from the present version of its certificates, which a provider may change while it runs.</summary>
/// <typeparam name="TState">What is worked out of the config and the certificates: immutable, shared by all workers.</typeparam>
internal sealed class TlsSocketFactory<TState> : ITransportSocketFactory
    where TState : class
{
    private readonly CommonTlsContextConfig _common;
    private readonly ILogger _logger;
    private readonly TlsStats _stats;
    private readonly Func<CommonTlsContextConfig, ConfigErrors, TState?> _build;
    private readonly Func<ITransportSocketCallbacks, TState?, TransportSocketOptions?, TlsStats, ITransportSocket> _create;
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private TState? _state;

    /// <param name="common">The certificates, or their provider.</param>
    /// <param name="context">The server.</param>
    /// <param name="build">Builds a version; null if there was an error. Errors at the path of the common context.</param>
    /// <param name="create">Makes a socket of the present version, which is null while a provider has given nothing.</param>
    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated, or the library refuses it.</exception>
    public TlsSocketFactory(
        CommonTlsContextConfig common,
        TransportSocketFactoryContext context,
        Func<CommonTlsContextConfig, ConfigErrors, TState?> build,
        Func<ITransportSocketCallbacks, TState?, TransportSocketOptions?, TlsStats, ITransportSocket> create)
    {
        _common = common;
        _logger = TlsLog.Create(context.LoggerFactory);
        _stats = new TlsStats(context.Stats);
        _build = build;
        _create = create;
        Start();
    }

    public bool IsSecure => true;

    public ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        _create(callbacks, Volatile.Read(ref _state), options, _stats);

    /// <summary>Hears of no more changes. Connections that live keep what they have.</summary>
    public void Dispose() => _subscription?.Dispose();

    private void Start()
    {
        if (_common.SecretProvider is not { } provider)
        {
            var errors = new ConfigErrors().Field("common_tls_context");
            var state = _build(_common, errors);
            errors.ThrowIfAny();
            Volatile.Write(ref _state, state);
            return;
        }

        _subscription = provider.Subscribe(() => Update(provider));
        Update(provider);
    }

    private void Update(ITlsSecretProvider provider)
    {
        lock (_lock)
        {
            try
            {
                if (provider.Current is { } secrets)
                {
                    Apply(secrets);
                }
            }
            catch (Exception exception)
            {
                _stats.SecretsRejected.Increment();
                TlsLog.ProviderFailed(_logger, exception);
            }
        }
    }

    private void Apply(TlsSecrets secrets)
    {
        var common = _common with
        {
            TlsCertificates = secrets.TlsCertificates.IsEmpty ? _common.TlsCertificates : secrets.TlsCertificates,
            ValidationContext = secrets.ValidationContext?.Over(_common.ValidationContext) ?? _common.ValidationContext,
        };
        var errors = new ConfigErrors();
        TlsConfigValidation.ValidateCommon(common, errors);
        var state = errors.IsEmpty ? _build(common, errors) : null;
        if (errors.IsEmpty && state is not null)
        {
            Volatile.Write(ref _state, state);
            _stats.SecretsUpdated.Increment();
            return;
        }

        _stats.SecretsRejected.Increment();
        TlsLog.SecretsRejected(_logger, string.Join("; ", errors.All));
    }
}
