"""TLS: whom to trust, and in plain words why somebody is not trusted."""

from typing import TYPE_CHECKING

from postern.client.errors import ConfigurationError, ConnectionBroken, TlsError, TransportError
from postern.client.transports.failures import broken
from postern.client.transports.options import TransportOptions

if TYPE_CHECKING:
    import ssl

_ADVICE = "if its authority is your own, name a file of authorities in AWS_CA_BUNDLE"
# X509_V_ERR_… of OpenSSL.
_UNTRUSTED = {
    9: "its certificate is not valid yet: compare the clocks",
    10: "its certificate has expired",
    18: f"its certificate is self-signed; {_ADVICE}",
    19: f"its certificate leads to a self-signed one that is not trusted; {_ADVICE}",
    20: f"its certificate comes from an unknown authority; {_ADVICE}",
    21: f"its certificate comes from an unknown authority; {_ADVICE}",
    23: "its certificate was revoked",
    62: "its certificate is for another host name",
    64: "its certificate is for another IP address",
}
_NOT_TLS = {
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
    "WRONG_VERSION_NUMBER",
}


class Trust:
    """The TLS context that ``options`` ask for, made when it is first needed: it takes long to load."""

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._context: ssl.SSLContext | None = None

    def context(self) -> "ssl.SSLContext":
        """
        Raises:
            ConfigurationError: a file of certificates cannot be used.
        """
        if self._context is None:
            self._context = _context(self._options)
        return self._context


def _context(options: TransportOptions) -> "ssl.SSLContext":
    import ssl
    from pathlib import Path

    bundle = options.ca_bundle
    is_directory = bundle is not None and Path(bundle).is_dir()
    try:
        context = ssl.create_default_context(
            cafile=None if is_directory else bundle, capath=bundle if is_directory else None
        )
    except OSError as error:
        raise ConfigurationError(f"the file of authorities {bundle} cannot be used: {_file_cause(error)}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _load_certificate(context, options.client_certificate)
    return context


def _load_certificate(context: "ssl.SSLContext", files: str | tuple[str, str] | None) -> None:
    if files is None:
        return
    certificate, key = (files, None) if isinstance(files, str) else files
    try:
        # Without a password given, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise ConfigurationError(f"the certificate {certificate} cannot be used: {_file_cause(error)}") from error


def _file_cause(error: OSError) -> str:
    import ssl

    if not isinstance(error, ssl.SSLError):
        return error.strerror or "it cannot be read"
    return "there is no certificate, or no fitting key, in it"


def handshake_failure(error: OSError, place: str) -> TransportError:
    """Why there is no secure connection, other than for want of time."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsError(f"{place} is not trusted: {_UNTRUSTED.get(error.verify_code, error.verify_message)}")
    if _is_end(error) or not isinstance(error, ssl.SSLError):
        return ConnectionBroken(f"{place} closed the connection during the TLS handshake")
    if error.reason in _NOT_TLS:
        return no_tls(place)
    return TlsError(f"{place}: the TLS handshake failed: {_words(error)}")


def no_tls(place: str) -> TlsError:
    """The server says something that is not TLS."""
    return TlsError(f"{place} does not speak TLS: is this the right port, and should the URL start with https:?")


def read_failure(error: OSError, place: str) -> TransportError:
    """Why a secure connection ended: a server that wants a certificate says so only after the handshake."""
    import ssl

    if _is_end(error):
        return ConnectionBroken(f"{place}: the connection was closed")
    if not isinstance(error, ssl.SSLError):
        return broken(error, place)
    return TlsError(f"{place}: the secure connection failed: {_words(error)}")


def _is_end(error: OSError) -> bool:
    """Whether the other side just went away. A reset that OpenSSL, and not Python, is told of by the system is an
    SSLError of no class of its own, and without a reason.
    """
    import ssl

    return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or (
        isinstance(error, ssl.SSLError) and error.errno == ssl.SSL_ERROR_SYSCALL
    )


def _words(error: "ssl.SSLError") -> str:
    return (error.reason or "no reason given").replace("_", " ").lower()
