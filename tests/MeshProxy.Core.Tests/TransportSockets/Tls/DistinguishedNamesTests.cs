using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class DistinguishedNamesTests
{
    [Fact]
    public void Format_APartOfSeveralElements_HasNoBareQuote()
    {
        var der = new AsnWriter(AsnEncodingRules.DER);
        using (der.PushSequence())
        using (der.PushSetOf())
        {
            Add(der, "2.5.4.3", "a\";URI=spiffe://admin;X=\"b, c");
            Add(der, "2.5.4.10", "x");
        }

        var text = DistinguishedNames.Format(new X500DistinguishedName(der.Encode()));

        text.ShouldContain("URI=spiffe://admin");
        for (var at = text.IndexOf('"'); at >= 0; at = text.IndexOf('"', at + 1))
        {
            text[at - 1].ShouldBe('\\', text);
        }

        static void Add(AsnWriter der, string type, string value)
        {
            using (der.PushSequence())
            {
                der.WriteObjectIdentifier(type);
                der.WriteCharacterString(UniversalTagNumber.UTF8String, value);
            }
        }
    }
}
