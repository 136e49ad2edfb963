"""The TLS certificate of the service: who issued it, how long it is good, and whether it is trusted here. Each thing
that can be wrong with it is looked at on its own, and has advice of its own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.output import printable, utc
from postern.client.endpoints import Endpoint
from postern.client.settings import service_settings
from postern.client.transports.tls import handshake_failure

if TYPE_CHECKING:
    import ssl

    from cryptography import x509

ADD_AUTHORITY = (
    "put it into a file, with all others that are needed, and name that in AWS_CA_BUNDLE: it replaces the system's "
    "authorities"
)
_CHECK = "certificate"
_TIMEOUT = 10.0
_SOON = 14 * 86400
# X509_V_FLAG_NO_CHECK_TIME of OpenSSL: how long a certificate is good is looked at apart.
_WITHOUT_TIME = 0x200000
# X509_V_ERR_… of OpenSSL. 7: an authority of that name is known, but it has another key.
_UNKNOWN_AUTHORITY = frozenset({2, 7, 18, 19, 20, 21, 27})
_OTHER_NAME = frozenset({62, 64})


class Certificate(NamedTuple):
    """Times are Unix seconds; ``names`` are the hosts that it is for."""

    issuer: str
    not_before: float
    not_after: float
    names: Sequence[str]


class Authorities(NamedTuple):
    """Who is trusted: the file (or folder) ``path``, or the system's; ``name`` is what a person calls them."""

    path: str | None
    name: str


def examine(case: Case, endpoint: Endpoint, proxy: str | None) -> Iterator[Finding]:
    """Nothing, where there is no connection: that is no matter of certificates."""
    if proxy is not None:
        yield ok(_CHECK, f"not looked at: {proxy} stands in between")
        return
    authorities = _authorities(case)
    try:
        trusting = _context(authorities)
    except OSError as error:
        text = f"{authorities.name} cannot be used: {_file_cause(error)}"
        yield problem(_CHECK, text, "name a PEM file of authorities there, or nothing")
        return
    try:
        found = presented(endpoint)
    except OSError as error:
        yield from _no_tls(endpoint, error)
        return
    yield _age(case, endpoint, found)
    yield from _trust(endpoint, found, authorities, trusting)


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
    return Certificate(
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        _names(certificate),
    )


def _names(certificate: "x509.Certificate") -> Sequence[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


def _handshake(endpoint: Endpoint, context: "ssl.SSLContext") -> bytes | None:
    import socket

    address = (endpoint.hostname, endpoint.port)
    with (
        socket.create_connection(address, timeout=_TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.hostname) as secured,
    ):
        return secured.getpeercert(binary_form=True)


def _authorities(case: Case) -> Authorities:
    assert case.session is not None
    settings = service_settings(
        "sso_oidc", profile=case.session.profile, environment=case.environment, shared=case.shared
    )
    path = settings.ca_bundle
    if path is None:
        return Authorities(None, "the system's authorities")
    origin = "AWS_CA_BUNDLE" if case.environment.get("AWS_CA_BUNDLE") else "ca_bundle of the profile"
    return Authorities(path, f"{origin} ({path})")


def _context(authorities: Authorities) -> "ssl.SSLContext":
    """
    Raises:
        OSError: the file cannot be used.
    """
    import ssl

    path = authorities.path
    is_folder = path is not None and Path(path).is_dir()
    context = ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)
    context.verify_flags |= ssl.VerifyFlags(_WITHOUT_TIME)
    return context


def _file_cause(error: OSError) -> str:
    import ssl

    return "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror or "unreadable"


def _no_tls(endpoint: Endpoint, error: OSError) -> Iterator[Finding]:
    import ssl

    if isinstance(error, ssl.SSLError | ConnectionError) and not isinstance(error, ConnectionRefusedError):
        advice = "check the port; if it is a service without TLS, the endpoint URL must begin with http:"
        yield problem(_CHECK, str(handshake_failure(error, endpoint.host)), advice)


def _age(case: Case, endpoint: Endpoint, found: Certificate) -> Finding:
    text = f"of {endpoint.host}, issued by {printable(found.issuer)}, is good until {utc(found.not_after)}"
    if found.not_before > case.now():
        advice = "compare this machine's clock with another; else whoever runs the service must wait"
        return problem(_CHECK, f"of {endpoint.host} is not good before {utc(found.not_before)}", advice)
    if found.not_after <= case.now():
        return problem(_CHECK, f"{text}: it has expired", "whoever runs the service must renew it")
    if found.not_after <= case.now() + _SOON:
        return warn(_CHECK, text, "whoever runs the service should renew it")
    return ok(_CHECK, text)


def _trust(
    endpoint: Endpoint, found: Certificate, authorities: Authorities, context: "ssl.SSLContext"
) -> Iterator[Finding]:
    import ssl

    try:
        _handshake(endpoint, context)
    except ssl.SSLCertVerificationError as error:
        yield _refusal(endpoint, found, authorities, error)
    except OSError as error:
        yield from _no_tls(endpoint, error)
    else:
        yield ok(_CHECK, f"trusted by {authorities.name}")


def _refusal(
    endpoint: Endpoint, found: Certificate, authorities: Authorities, error: "ssl.SSLCertVerificationError"
) -> Finding:
    if error.verify_code in _OTHER_NAME:
        names = printable(", ".join(found.names)) or "no host at all"
        advice = "use a name of the certificate in the endpoint URL, or have one made for this name"
        return problem(_CHECK, f"of {endpoint.host} is for {names}", advice)
    if error.verify_code not in _UNKNOWN_AUTHORITY:
        advice = "whoever runs the service must look at it"
        return problem(_CHECK, f"of {endpoint.host} is refused: {error.verify_message}", advice)
    issuer = printable(found.issuer)
    text = f"{issuer}, who issued it, is not among {authorities.name}"
    if authorities.path is None:
        return problem(_CHECK, text, f"if it is the right authority: {ADD_AUTHORITY}")
    if _is_trusted_by_system(endpoint):
        text = f"{text}, which replaces the system's authorities; they know it"
        return problem(_CHECK, text, "take that setting away, or add the authority to the file")
    return problem(_CHECK, text, f"if it is the right authority, add it to {quote(authorities.path)}")


def _is_trusted_by_system(endpoint: Endpoint) -> bool:
    try:
        _handshake(endpoint, _context(Authorities(None, "")))
    except OSError:
        return False
    return True
