"""Certificates of clients, made by openssl: valid ones and ones by an issuer that the client does not send, each with and without URLs."""
import os
import subprocess

CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ordinary]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[hanging]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
authorityInfoAccess = caIssuers;URI:@URL@/issuer, OCSP;URI:@URL@/ocsp
crlDistributionPoints = URI:@URL@/list
"""


class ClientCertificates:
    """Each is a pair of file names, certificate and key; ca is what the proxy trusts."""

    def __init__(self, directory, url):
        self._directory = f"{directory}/client"
        os.mkdir(self._directory)
        with open(f"{self._directory}/config", "w") as f:
            f.write(CONFIG.replace("@URL@", url))
        root = self._make("root", "ca")
        unsent = self._make("unsent", "ca", root)
        self.ca = root[0]
        self.ordinary, self.hanging = (self._make(kind, kind, root) for kind in ("ordinary", "hanging"))
        self.ordinary_unsent, self.hanging_unsent = (self._make(f"{kind}-unsent", kind, unsent) for kind in ("ordinary", "hanging"))

    def _make(self, name, extensions, issuer=None):
        certificate, key = f"{self._directory}/{name}.pem", f"{self._directory}/{name}.key"
        by = ["-CA", issuer[0], "-CAkey", issuer[1]] if issuer else []
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-config", f"{self._directory}/config", "-extensions", extensions, "-keyout", key, "-out", certificate, *by],
                       check=True, capture_output=True)
        return certificate, key
