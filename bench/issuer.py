"""A trusted token issuer for the load: a thread that publishes one RSA key by OIDC discovery, and assertions that all
cores sign with it beforehand.
"""

import json
import os
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

AUDIENCE = "bench-audience"
EMAIL = "bench@example.com"
KEY_ID = "bench-1"
LIFETIME = 3600


class Issuer:
    """The issuer, publishing from its making until the ``with`` block ends."""

    def __init__(self) -> None:
        self._key = generate_private_key(65537, 2048)
        self._server = _Server(("127.0.0.1", 0), _Requests)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._server.documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [_public_jwk(self._key)]},
        }
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def assertions(self, count: int) -> list[str]:
        """PERF: a signature takes 250 µs, so that every core does its share."""
        cores = len(os.sched_getaffinity(0))
        der = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        shares = [count // cores + (core < count % cores) for core in range(cores)]
        with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
            made = pool.map(_sign, [der] * cores, [self.url] * cores, shares)
            return [assertion for share in made for assertion in share]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    documents: dict[str, object]


class _Requests(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        document = self.server.documents.get(self.path)
        body = json.dumps(document).encode()
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing."""


def sign(key: RSAPrivateKey, claims: dict[str, object]) -> str:
    """A JSON Web Token, RS256."""
    header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    signed = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return b".".join((signed, _base64(key.sign(signed, PKCS1v15(), SHA256())))).decode()


def claims(url: str) -> dict[str, object]:
    """What a good assertion says, as large as those of the issuers that companies have."""
    now = int(time.time())
    return {
        "iss": url,
        "sub": "00u1a2b3c4d5e6f7g8h9",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": now,
        "jti": str(uuid.uuid4()),
        "email": EMAIL,
        "email_verified": True,
        "name": "Bench Person",
        "preferred_username": "bench",
        "groups": ["engineering", "on-call"],
    }


def _sign(der: bytes, url: str, count: int) -> list[str]:
    key = load_der_private_key(der, None)
    assert isinstance(key, RSAPrivateKey)
    return [sign(key, claims(url)) for _ in range(count)]


def _public_jwk(key: RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    return {"kty": "RSA", "kid": KEY_ID, "use": "sig", "alg": "RS256", "n": _base64(n).decode(), "e": "AQAB"}


def _base64(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")
