using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Makes TLS sockets from the present version of its certificates, which a provider may change while it runs.</summary>
/// <typeparam name="TState">What is worked out of the config and the certificates: immutable, shared by all workers.</typeparam>
internal abstract class TlsSocketFactory<TState> : ITransportSocketFactory
    where TState : class
{
    public const string Name = "envoy.transport_sockets.tls";

    private readonly CommonTlsContextConfig _common;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private TState? _state;

    protected TlsSocketFactory(CommonTlsContextConfig common, TransportSocketFactoryContext context)
    {
        _common = common;
        _logger = context.LoggerFactory.CreateLogger("MeshProxy.Tls");
        Stats = new TlsStats(context.Stats);
    }

    public bool IsSecure => true;

    protected TlsStats Stats { get; }

    protected ILogger Logger => _logger;

    /// <summary>Null while a provider has given nothing. Any thread.</summary>
    protected TState? State => Volatile.Read(ref _state);

    public abstract ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options);

    /// <summary>Hears of no more changes. Connections that live keep what they have.</summary>
    public void Dispose() => _subscription?.Dispose();

    /// <summary>Builds a version; errors at the path of the common context.</summary>
    protected abstract TState? Build(CommonTlsContextConfig common, ConfigErrors errors);

    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated.</exception>
    protected void Start()
    {
        if (_common.SecretProvider is not { } provider)
        {
            var errors = new ConfigErrors().Field("common_tls_context");
            var state = Build(_common, errors);
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
                Stats.SecretsRejected.Increment();
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
        var state = errors.IsEmpty ? Build(common, errors) : null;
        if (errors.IsEmpty && state is not null)
        {
            Volatile.Write(ref _state, state);
            Stats.SecretsUpdated.Increment();
            return;
        }

        Stats.SecretsRejected.Increment();
        TlsLog.SecretsRejected(_logger, string.Join("; ", errors.All));
    }
}

/// <summary>TLS of a filter chain.</summary>
internal sealed class DownstreamTlsSocketFactory : TlsSocketFactory<TlsServerState>
{
    private readonly DownstreamTlsContextConfig _config;

    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated.</exception>
    public DownstreamTlsSocketFactory(DownstreamTlsContextConfig config, TransportSocketFactoryContext context)
        : base(config.CommonTlsContext, context)
    {
        _config = config;
        Start();
    }

    public override ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        new DownstreamTlsSocket(callbacks, State, Stats);

    protected override TlsServerState? Build(CommonTlsContextConfig common, ConfigErrors errors) => TlsStateBuilder.Build(_config, common, errors);
}

/// <summary>TLS of a cluster.</summary>
internal sealed class UpstreamTlsSocketFactory : TlsSocketFactory<TlsClientState>
{
    private readonly UpstreamTlsContextConfig _config;

    /// <exception cref="ConfigException">A certificate is not what it was when the config was validated.</exception>
    public UpstreamTlsSocketFactory(UpstreamTlsContextConfig config, TransportSocketFactoryContext context)
        : base(config.CommonTlsContext, context)
    {
        _config = config;
        Start();
        if (State is { Verifier.AcceptsAnybody: true })
        {
            TlsLog.AcceptsAnybody(Logger, context.Stats.Prefix);
        }
    }

    public override ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        new UpstreamTlsSocket(callbacks, State, options, Stats);

    protected override TlsClientState? Build(CommonTlsContextConfig common, ConfigErrors errors) => TlsStateBuilder.Build(_config, common, errors);
}
