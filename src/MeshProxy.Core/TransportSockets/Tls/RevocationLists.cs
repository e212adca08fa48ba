using System.Collections.Concurrent;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Certificate revocation lists (RFC 5280, section 5), parsed when the config is built.</summary>
/// <remarks>Safe from any thread. A list's signature is verified once for each authority.</remarks>
internal sealed class RevocationLists
{
    public const string Revoked = "it is revoked";

    private readonly List<RevocationList> _lists = [];

    /// <summary>Adds the lists of a PEM text. A DER file is one too.</summary>
    /// <exception cref="FormatException">There is none, or one is broken.</exception>
    public void Add(byte[] data)
    {
        var count = _lists.Count;
        if (data is [0x30, ..])
        {
            _lists.Add(RevocationList.Parse(data));
            return;
        }

        ReadOnlySpan<char> rest = Encoding.Latin1.GetString(data);
        while (PemEncoding.TryFind(rest, out var fields))
        {
            if (rest[fields.Label].SequenceEqual("X509 CRL"))
            {
                _lists.Add(RevocationList.Parse(Convert.FromBase64String(rest[fields.Base64Data].ToString())));
            }

            rest = rest[fields.Location.End..];
        }

        if (_lists.Count == count)
        {
            throw new FormatException("it holds no X509 CRL");
        }
    }

    /// <summary>Checks the certificates of a chain below its anchor.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Check(X509ChainElementCollection elements, int anchor, bool onlyLeaf, DateTimeOffset now)
    {
        var last = onlyLeaf ? Math.Min(1, anchor) : anchor;
        for (var i = 0; i < last; i++)
        {
            if (Check(elements[i].Certificate, elements[i + 1].Certificate, now) is { } fault)
            {
                return $"{elements[i].Certificate.Subject}: {fault}";
            }
        }

        return null;
    }

    private string? Check(X509Certificate2 certificate, X509Certificate2 issuer, DateTimeOffset now)
    {
        var issuerName = certificate.IssuerName.RawData;
        string? fault = "there is no revocation list of its issuer";
        var covered = false;
        foreach (var list in _lists)
        {
            if (!list.Issuer.AsSpan().SequenceEqual(issuerName))
            {
                continue;
            }

            if (!list.IsSignedBy(issuer))
            {
                fault = "the revocation list of its issuer is not signed by it";
                continue;
            }

            if (list.Contains(certificate.SerialNumberBytes.Span))
            {
                return Revoked;
            }

            // Another list of the same issuer may be a newer one: all of them are looked at.
            covered |= now >= list.ThisUpdate && now <= list.NextUpdate;
            fault = now < list.ThisUpdate ? "the revocation list of its issuer is not valid yet" : "the revocation list of its issuer has expired";
        }

        return covered ? null : fault;
    }
}

/// <summary>One list. Immutable but for what it remembers of signatures.</summary>
internal sealed class RevocationList
{
    private static readonly Asn1Tag s_extensions = new(TagClass.ContextSpecific, 0, isConstructed: true);

    private readonly HashSet<string> _serials = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _signers = new(StringComparer.Ordinal);
    private byte[] _signed = [];
    private string _algorithm = "";
    private byte[] _signature = [];

    private RevocationList()
    {
    }

    /// <summary>The encoded name.</summary>
    public byte[] Issuer { get; private set; } = [];

    public DateTimeOffset ThisUpdate { get; private set; }

    public DateTimeOffset NextUpdate { get; private set; } = DateTimeOffset.MaxValue;

    /// <exception cref="FormatException">It is broken, or signed in a way that is not known.</exception>
    public static RevocationList Parse(byte[] der)
    {
        try
        {
            var list = new RevocationList();
            list.Read(der);
            return list;
        }
        catch (AsnContentException exception)
        {
            throw new FormatException("a revocation list in it is broken: " + exception.Message);
        }
    }

    /// <param name="serialNumber">Big-endian.</param>
    public bool Contains(ReadOnlySpan<byte> serialNumber) => _serials.Contains(Key(serialNumber));

    public bool IsSignedBy(X509Certificate2 issuer)
    {
        var thumbprint = issuer.Thumbprint;
        return _signers.TryGetValue(thumbprint, out var known) ? known : _signers.GetOrAdd(thumbprint, Verify(issuer));
    }

    private static string Key(ReadOnlySpan<byte> serialNumber) => Convert.ToHexString(serialNumber.TrimStart((byte)0));

    private void Read(byte[] der)
    {
        var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        _signed = list.PeekEncodedValue().ToArray();
        var content = list.ReadSequence();
        _algorithm = list.ReadSequence().ReadObjectIdentifier();
        _signature = list.ReadBitString(out _);
        if (content.PeekTag() == Asn1Tag.Integer)
        {
            content.ReadInteger(); // the version
        }

        content.ReadSequence(); // the algorithm once more
        Issuer = content.ReadEncodedValue().ToArray();
        ThisUpdate = ReadTime(content);
        if (content.HasData && content.PeekTag().TagClass == TagClass.Universal && content.PeekTag().TagValue is (int)UniversalTagNumber.UtcTime or (int)UniversalTagNumber.GeneralizedTime)
        {
            NextUpdate = ReadTime(content);
        }

        if (content.HasData && content.PeekTag() == Asn1Tag.Sequence)
        {
            var revoked = content.ReadSequence();
            while (revoked.HasData)
            {
                _serials.Add(Key(revoked.ReadSequence().ReadIntegerBytes().Span));
            }
        }

        if (content.HasData && content.PeekTag() == s_extensions)
        {
            ReadExtensions(content.ReadSequence(s_extensions).ReadSequence());
        }

        if (!IsKnown(_algorithm))
        {
            throw new FormatException($"a revocation list in it is signed with the algorithm {_algorithm}, which is not supported");
        }
    }

    /// <summary>RFC 5280, section 5.2: a list with a critical extension that is not understood does not say what it seems to, such as one
    /// of changes only, or one of some of the issuer's certificates.</summary>
    private static void ReadExtensions(AsnReader extensions)
    {
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var id = extension.ReadObjectIdentifier();
            if (extension.PeekTag() == Asn1Tag.Boolean && extension.ReadBoolean())
            {
                throw new FormatException($"a revocation list in it has the critical extension {id}, which is not supported: give the full list of the authority");
            }
        }
    }

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag().TagValue == (int)UniversalTagNumber.UtcTime ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();

    private static bool IsKnown(string algorithm) => HashOf(algorithm) != default;

    private static HashAlgorithmName HashOf(string algorithm) => algorithm switch
    {
        "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" => HashAlgorithmName.SHA256,
        "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => HashAlgorithmName.SHA384,
        "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => HashAlgorithmName.SHA512,
        _ => default,
    };

    private bool Verify(X509Certificate2 issuer)
    {
        try
        {
            var hash = HashOf(_algorithm);
            if (_algorithm.StartsWith("1.2.840.10045.", StringComparison.Ordinal))
            {
                using var ecdsa = issuer.GetECDsaPublicKey();
                return ecdsa is not null && ecdsa.VerifyData(_signed, _signature, hash, DSASignatureFormat.Rfc3279DerSequence);
            }

            using var rsa = issuer.GetRSAPublicKey();
            return rsa is not null && rsa.VerifyData(_signed, _signature, hash, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
