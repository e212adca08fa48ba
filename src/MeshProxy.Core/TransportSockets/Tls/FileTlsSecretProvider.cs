using System.Text;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Watches a certificate's files, and gives new handshakes what they hold.</summary>
/// <remarks>
/// The files are read on a thread of its own, at an interval: that also sees the swapped links of mounted secrets, which file notifications
/// miss. A pair that does not fit together, such as a certificate whose key has yet to be written, waits for the next look. Safe from any
/// thread; share one between listeners and clusters, and dispose of it after the server.
/// </remarks>
public sealed class FileTlsSecretProvider : ITlsSecretProvider, IDisposable
{
    private readonly string _certificateChain;
    private readonly string _privateKey;
    private readonly string? _trustedCa;
    private readonly TimeSpan _interval;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly List<Action> _subscribers = [];
    private TlsSecrets? _current;

    /// <param name="certificateChain">PEM: the certificate, then the intermediate ones.</param>
    /// <param name="privateKey">PEM: its key.</param>
    /// <param name="trustedCa">PEM: the authorities to trust, watched too; null leaves them to the config.</param>
    /// <param name="interval">How often to look; 10 seconds if null.</param>
    /// <exception cref="ConfigException">The files cannot be used as they are now.</exception>
    public FileTlsSecretProvider(string certificateChain, string privateKey, string? trustedCa = null, TimeSpan? interval = null)
    {
        _certificateChain = certificateChain;
        _privateKey = privateKey;
        _trustedCa = trustedCa;
        _interval = interval ?? TimeSpan.FromSeconds(10);
        ArgumentOutOfRangeException.ThrowIfLessThan(_interval, TimeSpan.FromMilliseconds(1), nameof(interval));
        var errors = new ConfigErrors();
        _current = Read(errors);
        errors.ThrowIfAny();
        new Thread(Watch) { Name = "TLS file watch", IsBackground = true }.UnsafeStart();
    }

    /// <inheritdoc/>
    public TlsSecrets? Current => Volatile.Read(ref _current);

    /// <inheritdoc/>
    public IDisposable Subscribe(Action changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        lock (_lock)
        {
            _subscribers.Add(changed);
        }

        return new Subscription(this, changed);
    }

    /// <summary>Ends the watch.</summary>
    public void Dispose() => _stop.Set();

    /// <summary>Looks at the files now. Any thread.</summary>
    /// <returns>Whether they have changed, and are good.</returns>
    public bool Refresh()
    {
        Action[] subscribers;
        lock (_lock)
        {
            var errors = new ConfigErrors();
            var secrets = Read(errors);
            if (!errors.IsEmpty || secrets is null || secrets == _current)
            {
                return false;
            }

            Volatile.Write(ref _current, secrets);
            subscribers = [.. _subscribers];
        }

        Array.ForEach(subscribers, static changed => changed());
        return true;
    }

    private void Watch()
    {
        while (!_stop.Wait(_interval))
        {
            Refresh();
        }
    }

    private TlsSecrets? Read(ConfigErrors errors)
    {
        var chain = DataSourceConfig.File(_certificateChain).Read(errors.Field("certificate_chain"));
        var key = DataSourceConfig.File(_privateKey).Read(errors.Field("private_key"));
        var ca = _trustedCa is null ? null : DataSourceConfig.File(_trustedCa).Read(errors.Field("trusted_ca"));
        if (!errors.IsEmpty)
        {
            return null;
        }

        var certificate = TlsCertificateConfig.FromPem(Encoding.UTF8.GetString(chain!), Encoding.UTF8.GetString(key!));
        _ = TlsCertificateLoader.Load(certificate, errors);
        CertificateValidationContextConfig? validation = null;
        if (ca is not null)
        {
            validation = new CertificateValidationContextConfig { TrustedCa = DataSourceConfig.Inline(Encoding.UTF8.GetString(ca)) };
            _ = TlsCertificateLoader.LoadCertificates(validation.TrustedCa, errors.Field("trusted_ca"));
        }

        return new TlsSecrets { TlsCertificates = [certificate], ValidationContext = validation };
    }

    private void Remove(Action changed)
    {
        lock (_lock)
        {
            _subscribers.Remove(changed);
        }
    }

    private sealed class Subscription(FileTlsSecretProvider provider, Action changed) : IDisposable
    {
        public void Dispose() => provider.Remove(changed);
    }
}
