"""The TLS certificate of the service: who issued it, how long it is good, and who trusts it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.output import utc
from postern.client.endpoints import Endpoint
from postern.client.settings import service_settings

if TYPE_CHECKING:
    import ssl

_TIMEOUT = 10.0
_SOON = 14 * 86400


class Certificate(NamedTuple):
    """``not_after`` is Unix seconds."""

    issuer: str
    not_after: float


def examine(case: Case, endpoint: Endpoint, proxy: str | None) -> Iterator[Finding]:
    assert case.session is not None
    if proxy is not None:
        yield ok("certificate", f"not looked at: {proxy} stands in between")
        return
    settings = service_settings(
        "sso_oidc", profile=case.session.profile, environment=case.environment, shared=case.shared
    )
    try:
        found = presented(endpoint)
    except OSError as error:
        yield problem("certificate", f"{endpoint.host} shows none: {error}", "check the address and its scheme")
        return
    yield from _age(case, endpoint, found)
    yield from _trust(endpoint, found, settings.ca_bundle)


def presented(endpoint: Endpoint) -> Certificate:
    """What the server shows, trusted or not.

    Raises:
        OSError: there is no connection, or no TLS on it.
    """
    import ssl

    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: the certificate is only to be described
    certificate = x509.load_der_x509_certificate(_handshake(endpoint, context) or b"")
    return Certificate(certificate.issuer.rfc4514_string(), certificate.not_valid_after_utc.timestamp())


def _handshake(endpoint: Endpoint, context: "ssl.SSLContext") -> bytes | None:
    import socket

    address = (endpoint.hostname, endpoint.port)
    with (
        socket.create_connection(address, timeout=_TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.hostname) as secured,
    ):
        return secured.getpeercert(binary_form=True)


def _age(case: Case, endpoint: Endpoint, found: Certificate) -> Iterator[Finding]:
    text = f"of {endpoint.host}, issued by {found.issuer}, is good until {utc(found.not_after)}"
    if found.not_after <= case.now():
        yield problem("certificate", f"{text}: it has expired", "whoever runs the service must renew it")
    elif found.not_after <= case.now() + _SOON:
        yield warn("certificate", text, "whoever runs the service should renew it")
    else:
        yield ok("certificate", text)


def _trust(endpoint: Endpoint, found: Certificate, bundle: str | None) -> Iterator[Finding]:
    """By the authorities that are in force, and by the others, for advice."""
    refusal = _refusal(endpoint, bundle)
    name = f"AWS_CA_BUNDLE or ca_bundle ({bundle})" if bundle else "the system's authorities"
    if refusal is None:
        yield ok("certificate", f"trusted by {name}")
    elif bundle and _refusal(endpoint, None) is None:
        yield problem(
            "certificate",
            f"not trusted by {name}: {refusal}; the system's authorities trust it",
            "unset AWS_CA_BUNDLE, or add the authority to the file",
        )
    else:
        yield problem(
            "certificate",
            f"not trusted by {name}: {refusal}",
            f"set AWS_CA_BUNDLE to a file with the authority of {found.issuer}, if you know that it is the right one",
        )


def _refusal(endpoint: Endpoint, bundle: str | None) -> str | None:
    """Why the certificate is not trusted, or None if it is."""
    import ssl
    from pathlib import Path

    try:
        is_folder = bundle is not None and Path(bundle).is_dir()
        context = ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
        _handshake(endpoint, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return error.strerror or str(error)
    return None
