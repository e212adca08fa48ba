using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The alternative names of a certificate (RFC 5280, section 4.2.1.6).</summary>
/// <remarks>Immutable.</remarks>
internal sealed class SubjectAltNames
{
    private const string Oid = "2.5.29.17";

    private static readonly SubjectAltNames s_none = new();

    private SubjectAltNames()
    {
    }

    public List<string> Dns { get; } = [];

    public List<string> Uris { get; } = [];

    public List<string> Emails { get; } = [];

    public List<string> Ips { get; } = [];

    /// <summary>Reads them; a broken extension has none.</summary>
    public static SubjectAltNames Of(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == Oid)
            {
                return Parse(extension.RawData);
            }
        }

        return s_none;
    }

    private static SubjectAltNames Parse(byte[] data)
    {
        var names = new SubjectAltNames();
        try
        {
            var reader = new AsnReader(data, AsnEncodingRules.DER).ReadSequence();
            while (reader.HasData)
            {
                names.Take(reader);
            }
        }
        catch (AsnContentException)
        {
            return s_none;
        }

        return names;
    }

    private void Take(AsnReader reader)
    {
        var tag = reader.PeekTag();
        switch (tag.TagClass == TagClass.ContextSpecific ? tag.TagValue : -1)
        {
            case 1:
                Emails.Add(reader.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                break;
            case 2:
                Dns.Add(reader.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                break;
            case 6:
                Uris.Add(reader.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                break;
            case 7 when reader.ReadOctetString(tag) is { Length: 4 or 16 } address:
                Ips.Add(new IPAddress(address).ToString());
                break;
            case 7:
                break;
            default:
                reader.ReadEncodedValue();
                break;
        }
    }
}
