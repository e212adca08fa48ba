namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Picks the certificate for a ClientHello: by its name, exact before wildcard; of a name's RSA and ECDSA certificates the one that the
/// client can use, ECDSA first; else the default one, which is the first.</summary>
/// <remarks>Immutable, shared by all workers. A pick allocates nothing but the name's text.</remarks>
internal sealed class CertificateSelector
{
    private readonly Dictionary<string, Pair> _exact = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Pair> _wildcard = new(StringComparer.OrdinalIgnoreCase);
    private readonly Pair _default;
    private readonly IReadOnlyList<TlsCertificate> _certificates;
    private readonly bool _fullScan;
    private readonly bool _nameMustMatch;

    public CertificateSelector(IReadOnlyList<TlsCertificate> certificates, bool fullScan, bool nameMustMatch)
    {
        _certificates = certificates;
        _fullScan = fullScan;
        _nameMustMatch = nameMustMatch;
        for (var i = 0; i < certificates.Count; i++)
        {
            foreach (var name in certificates[i].DnsNames)
            {
                // The key of a wildcard is what follows its star: ".example.com".
                var (table, key) = name.StartsWith("*.", StringComparison.Ordinal) ? (_wildcard, name[1..]) : (_exact, name);
                table[key] = table.GetValueOrDefault(key, Pair.None).With(i, certificates[i].IsEcdsa);
            }
        }

        // Without a name: the first certificate, or the first of the other kind.
        var first = Pair.None;
        for (var i = 0; i < certificates.Count; i++)
        {
            first = first.With(i, certificates[i].IsEcdsa);
        }

        _default = first;
    }

    /// <summary>The number of the certificate; -1 if the name must match and does not.</summary>
    public int Select(in ClientHelloParser hello)
    {
        var pair = Pair.None;
        var found = false;
        if (hello.HasServerName)
        {
            found = TryFind(hello.ServerName!, out pair);
            if (!found && _nameMustMatch)
            {
                return -1;
            }
        }
        else if (_nameMustMatch)
        {
            return -1;
        }

        if (!found)
        {
            // As Envoy: the first one, unless the client cannot use it and can use another.
            return SelectDefault(hello);
        }

        var index = Choose(pair, hello);
        return index >= 0 ? index : _fullScan ? SelectDefault(hello) : pair.Any;
    }

    private bool TryFind(string name, out Pair pair)
    {
        name = name.TrimEnd('.');
        if (_exact.TryGetValue(name, out pair))
        {
            return true;
        }

        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && _wildcard.TryGetValue(name[dot..], out pair);
    }

    private int SelectDefault(in ClientHelloParser hello)
    {
        var index = Choose(_default, hello);
        return index >= 0 ? index : 0;
    }

    private int Choose(Pair pair, in ClientHelloParser hello) =>
        pair.Ecdsa >= 0 && ClientHelloKeys.CanUseEcdsa(hello, _certificates[pair.Ecdsa].SignatureScheme) ? pair.Ecdsa : pair.Rsa;

    /// <summary>The first certificate of each kind that has a name; -1 for none.</summary>
    private readonly record struct Pair(int Rsa, int Ecdsa)
    {
        public static readonly Pair None = new(-1, -1);

        public int Any => Rsa >= 0 ? Rsa : Ecdsa;

        public Pair With(int index, bool ecdsa) => ecdsa
            ? this with { Ecdsa = Ecdsa < 0 ? index : Ecdsa }
            : this with { Rsa = Rsa < 0 ? index : Rsa };
    }
}
