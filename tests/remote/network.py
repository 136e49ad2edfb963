"""A network of our own: names that lead where a test says, and sites that answer as it says. Nothing leaves the
process.
"""

import asyncio
import json
import ssl

import httpcore
from joserfc.jwk import ECKey, Key

from postern.core.policy import TrustedIssuerPolicy
from postern.remote.addresses import Destinations
from postern.remote.fetching import Fetcher
from postern.remote.issuer_keys import RemoteIssuerKeys
from tests.core.world import VirtualClock

PUBLIC_URL = "https://sso.example.com"
ISSUER_URL = "https://issuer.example/tenant"
KEYS_URL = "https://issuer.example/keys"
ADDRESS = "93.184.215.14"
DISCOVERY = "/tenant/.well-known/openid-configuration"

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody shakes hands here, and reading certificates takes 20 ms


def answer(body: bytes | object, status: str = "200 OK", *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def discovery(**changes: object) -> bytes:
    return answer({"issuer": ISSUER_URL, "jwks_uri": KEYS_URL} | changes)


def key_set(*keys: Key) -> bytes:
    return answer({"keys": [key.as_dict(private=False) for key in keys]})


def key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


class Network:
    """``names`` are the answers for a name in turn, the last for ever; ``pages`` what is answered at a path: bytes, or
    ``None`` for silence. ``resolved``, ``connected`` and ``asked`` say what happened.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock(1000.0)
        self.names: dict[str, list[list[str]]] = {"issuer.example": [[ADDRESS]]}
        self.pages: dict[str, bytes | None] = {DISCOVERY: discovery(), "/keys": key_set(key("one"))}
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.server_names: list[str | None] = []
        self.refuses: set[str] = set()

    async def resolve(self, host: str, port: int) -> list[str]:
        self.resolved.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise OSError(-2, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
        self.connected.append((address, port))
        if address in self.refuses:
            raise httpcore.ConnectError("connection refused")
        return _Stream(self)

    def issuer_keys(
        self, *networks: str, public_url: str = PUBLIC_URL, seconds: float = 3, lifetime: int = 300
    ) -> RemoteIssuerKeys:
        def make_fetcher(destinations: Destinations) -> Fetcher:
            return Fetcher(destinations, resolve=self.resolve, connect=self.connect, tls=_TLS)

        policy = TrustedIssuerPolicy(allowed_networks=networks, keys_lifetime=lifetime)
        return RemoteIssuerKeys(policy, public_url, clock=self.clock, make_fetcher=make_fetcher, fetch_seconds=seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, network: Network) -> None:
        self._network = network
        self._answer: bytes | None = b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:  # a GET has no body
            return
        target = buffer.split(b" ")[1].decode()
        self._network.asked.append(target)
        self._answer = self._network.pages.get(target, answer(b"", "404 Not Found"))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._answer is None:
            await asyncio.Event().wait()
        assert self._answer is not None
        piece, self._answer = self._answer[:max_bytes], self._answer[max_bytes:]
        return piece

    async def aclose(self) -> None:
        self._answer = b""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        self._network.server_names.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> object:
        return None
