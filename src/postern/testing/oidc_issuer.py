"""A small OIDC issuer, to be a trusted token issuer in tests and demonstrations: real keys over real HTTP, in a process
of its own (``python -m postern.testing.oidc_issuer --port 0``).

``GET /.well-known/openid-configuration`` and ``GET /keys`` are what a relying party asks for; ``GET /requests`` counts
them by path. ``POST /token`` with ``{"claims": {…}, "header": {…}}`` answers with a token: what is given replaces what
a good one has, ``null`` takes it away, and ``alg`` chooses RS256 or ES256. ``POST /rotate`` makes new keys; with
``?drop=1`` the old ones are published no more.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
AUDIENCE = "an-audience"
SUBJECT = "a-subject"
ALGORITHMS = ("RS256", "ES256")
LIFETIME = 300

Members = dict[str, object]


class Issuer:
    """Keys, what is published of them, and the tokens that are made with the newest."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._generation = 0
        self._published: list[Members] = []
        self._newest: dict[str, RSAKey | ECKey] = {}
        self.rotate()

    def rotate(self, *, drop: bool = False) -> None:
        with self._lock:
            self._generation += 1
            self._newest = {
                "RS256": RSAKey.generate_key(2048, {"kid": f"rsa-{self._generation}", "use": "sig", "alg": "RS256"}),
                "ES256": ECKey.generate_key("P-256", {"kid": f"ec-{self._generation}", "use": "sig", "alg": "ES256"}),
            }
            newest: list[Members] = [dict(key.as_dict(private=False)) for key in self._newest.values()]
            self._published = newest if drop else newest + self._published

    def discovery(self) -> Members:
        return {
            "issuer": self.url,
            "jwks_uri": self.url + KEYS,
            "authorization_endpoint": f"{self.url}/authorize",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
            "claims_supported": ["iss", "sub", "aud", "iat", "exp", "jti"],
        }

    def keys(self) -> Members:
        with self._lock:
            return {"keys": list(self._published)}

    def mint(self, claims: Members, header: Members) -> str:
        now = int(time.time())
        good: Members = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        key = self._newest[str(header.get("alg", "RS256"))]
        protected = {"alg": key.alg, "typ": "JWT", "kid": key.kid} | header
        registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        payload = json.dumps(_present(good | claims)).encode()
        return jws.serialize_compact(_present(protected), payload, key, registry=registry)


def _present(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Requests)
        self.issuer = Issuer(f"http://127.0.0.1:{self.server_port}")


class _Requests(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        issuer, path = self.server.issuer, urlsplit(self.path).path
        if path == "/requests":
            self._answer(dict(issuer.requests))
            return
        issuer.requests[path] += 1
        documents = {DISCOVERY: issuer.discovery, KEYS: issuer.keys}
        document = documents.get(path)
        self._answer(document() if document else {"error": "not_found"}, 200 if document else 404)

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if url.path == "/token":
            self._answer_token(body.get("claims", {}), body.get("header", {}))
        elif url.path == "/rotate":
            self.server.issuer.rotate(drop="1" in parse_qs(url.query).get("drop", []))
            self._answer({})
        else:
            self._answer({"error": "not_found"}, 404)

    def _answer_token(self, claims: Members, header: Members) -> None:
        if header.get("alg", "RS256") not in ALGORITHMS:
            self._answer({"error": "unsupported_algorithm"}, 400)
            return
        self._answer({"token": self.server.issuer.mint(claims, header)})

    def _answer(self, members: Members, status: int = 200) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: the counts say enough."""


class IssuerProcess:
    """The issuer as a process of its own, ready when the constructor returns.

    ``with IssuerProcess() as issuer:`` ends it; so does `stop`. On the same ``port`` it can be started again, with
    other keys.
    """

    def __init__(self, port: int = 0) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", __name__, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        if said[:1] != ["ready"]:
            self.stop()
            raise RuntimeError("the issuer did not start: what it said is on standard error")
        self.url = said[1]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def mint(self, *, header: Members | None = None, **claims: object) -> str:
        """A token. What is given replaces what a good one has, ``None`` takes it away."""
        return str(self._call("POST", "/token", {"claims": claims, "header": header or {}})["token"])

    def rotate(self, *, drop: bool = False) -> None:
        self._call("POST", f"/rotate?drop={int(drop)}")

    def requests(self) -> dict[str, int]:
        """How often each path was asked for by others."""
        return {path: int(str(count)) for path, count in self._call("GET", "/requests").items()}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _call(self, method: str, target: str, body: Members | None = None) -> Members:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, target, json.dumps(body or {}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200, f"{method} {target}: {answer.status}"
            members: Members = json.loads(answer.read())
            return members
        finally:
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A small OIDC issuer for tests and demonstrations.")
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    server = _Server(parser.parse_args().port)
    sys.stdout.write(f"ready {server.issuer.url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
