using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Names of certificates as text, by RFC 2253: the last part first, <c>CN=client,O=Acme\, Inc.,C=DE</c>.</summary>
internal static class DistinguishedNames
{
    public static string Format(X500DistinguishedName name)
    {
        var text = new StringBuilder();
        try
        {
            foreach (var part in name.EnumerateRelativeDistinguishedNames(reversed: true))
            {
                if (text.Length > 0)
                {
                    text.Append(',');
                }

                if (part.HasMultipleElements)
                {
                    // The platform's form has quotes of its own, and whoever puts this between quotes counts on there being none.
                    return name.Decode(X500DistinguishedNameFlags.Reversed).Replace("\\", "\\\\").Replace("\"", "\\\"");
                }

                var type = part.GetSingleElementType();
                text.Append(Key(type.Value)).Append('=');
                Escape(text, part.GetSingleElementValue() ?? "");
            }
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return "";
        }

        return text.ToString();
    }

    /// <summary>RFC 2253, section 2.3, and the names that OpenSSL adds.</summary>
    private static string Key(string? oid) => oid switch
    {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => oid ?? "",
    };

    /// <summary>RFC 2253, section 2.4.</summary>
    private static void Escape(StringBuilder text, string value)
    {
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (c is ',' or '+' or '"' or '\\' or '<' or '>' or ';' || (i == 0 && (c is ' ' or '#')) || (i == value.Length - 1 && c == ' '))
            {
                text.Append('\\');
            }

            text.Append(c);
        }
    }
}
