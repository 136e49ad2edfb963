"""Certificates good and bad, from an authority that only this run knows."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Certificates:
    """``authority`` is the file to trust. The names of the others are what is wrong, or not, with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority_key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = _name("Authority of the tests")
        self.authority = folder / "authority.pem"
        certificate = _sign(self._issuer, self._issuer, self._authority_key, self._authority_key, ca=True)
        self.authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.good = self._leaf("good")
        self.client = self._leaf("client")
        self.expired = self._leaf("expired", end=datetime.now(UTC) - _DAY)
        self.early = self._leaf("early", start=datetime.now(UTC) + _DAY)
        self.wrong_address = self._leaf("wrong-address", address="127.0.0.9")
        self.wrong_host = self._leaf("wrong-host", host="example.test")
        self.self_signed = self._leaf("self-signed", is_own_issuer=True)

    def server(self, certificate: Path, *, wants_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context

    def _leaf(
        self,
        name: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        address: str = "127.0.0.1",
        host: str = "localhost",
        is_own_issuer: bool = False,
    ) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, signer = (_name(name), key) if is_own_issuer else (self._issuer, self._authority_key)
        certificate = _sign(_name(name), issuer, key, signer, start=start, end=end, address=address, host=host)
        path = self._folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    address: str = "127.0.0.1",
    host: str = "localhost",
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    names = [x509.DNSName(host), x509.IPAddress(ip_address(address))]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or now - 2 * _DAY)
        .not_valid_after(end or now + 2 * _DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )
