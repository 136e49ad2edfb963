"""Over https: what only secure pages have, and the way from them to a program's plain listener on this computer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.browser.conftest import SETTINGS, Place, Visit
from tests.browser.sites import site


def certify(folder: Path) -> dict[str, str]:
    """A certificate of its own for 127.0.0.1, as settings."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return {
        "POSTERN_SERVER__TLS_CERTIFICATE": str(folder / "certificate.pem"),
        "POSTERN_SERVER__TLS_PRIVATE_KEY": str(folder / "key.pem"),
    }


@pytest.fixture(scope="module")
def secure_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("secure")
    place = Place(folder / "data", SETTINGS | certify(folder), scheme="https")
    yield place
    place.close()


def test_cookies_are_secure_and_bound_to_the_host(secure_place: Place, visit: Visit) -> None:
    visitor = visit(secure_place.demo, secure_place.url, ignore_https_errors=True)
    device = secure_place.oidc.start_device()
    visitor.open(device.complete_uri)
    cookies = visitor.cookies()
    assert set(cookies) == {"__Host-postern-session", "__Host-postern-form"}
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies.values())
    visitor.approve()
    visitor.sees("Approved")
    device.assert_signed_in()
    visitor.sign_out()
    assert "__Host-postern-session" not in visitor.cookies()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_consent_leads_to_the_plain_listener_without_a_warning(secure_place: Place, visit: Visit, host: str) -> None:
    visitor = visit(secure_place.demo, secure_place.url, ignore_https_errors=True)
    with site(host) as program:
        request = secure_place.oidc.start_pkce(f"{program.origin}/callback")
        visitor.open(request.url())
        visitor.approve()
        visitor.sees("Back in the program")
        request.assert_signed_in(program.parameters())
