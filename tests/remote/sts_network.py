"""A network with token services in it that answer by a script. Nothing leaves the process, and no time passes but that
which a test lets pass.
"""

import asyncio
import ssl
from typing import Any
from urllib.parse import parse_qsl

import httpcore
import msgspec

from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.policy import RoleCredentialPolicy
from postern.core.role_credentials.port import AssumeRoleCall, SessionTag, SigninTokenCall, WebIdentityCall
from postern.remote.sts import RemoteSts
from postern.remote.sts_endpoint import Network
from tests.core.world import VirtualClock

ENDPOINT = "https://sts.example.org"
TOKEN = "eyJhbGciOi.a-web-identity-token.signature"
OWN_SECRET = "the+secret+access+key+of+postern+itself/"
SECRET = "a+secret+access+key+that+the+sts+gave/"
SESSION_TOKEN = "FwoGZXIvYXdz-a-session-token"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
SECRETS = (TOKEN, OWN_SECRET, SECRET, SESSION_TOKEN)

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody shakes hands here, and reading certificates takes 20 ms


def http(status: str, body: str | bytes, *headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def document(
    action: str = "AssumeRoleWithWebIdentity",
    *,
    namespace: str = NAMESPACE,
    expiration: str = "2026-09-21T15:13:20Z",
    **members: str,
) -> str:
    """The XML of a good answer; a member that is empty is left out."""
    good = {"AccessKeyId": "ASIAGIVEN", "SecretAccessKey": SECRET, "SessionToken": SESSION_TOKEN}
    texts = good | {"Expiration": expiration} | members
    credentials = "".join(f"<{name}>{text}</{name}>" for name, text in texts.items() if text)
    declared = f' xmlns="{namespace}"' if namespace else ""
    return (
        f"<{action}Response{declared}><{action}Result><Credentials>{credentials}</Credentials>"
        f"</{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    )


def refusal(code: str, *, status: str = "403 Forbidden", message: str = "no") -> bytes:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return http(status, f'<ErrorResponse xmlns="{NAMESPACE}">{error}<RequestId>1</RequestId></ErrorResponse>')


GOOD = http("200 OK", document())
GOOD_ROLE = http("200 OK", document("AssumeRole"))
BUSY = http("503 Service Unavailable", "")
DENIED = refusal("AccessDenied")


class Request(msgspec.Struct, frozen=True):
    """One that arrived."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


class StsNetwork:
    """``answers`` are what is answered in turn, the last for ever: bytes, ``None`` for silence, or an error of the
    connection. ``refuses`` are hosts where nobody listens. ``paused`` are the pauses between tries.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.wall_clock = clock
        self.clock = VirtualClock(5000.0)
        self.answers: list[bytes | Exception | None] = [GOOD]
        self.refuses: set[str] = set()
        self.requests: list[Request] = []
        self.connected: list[tuple[str, int]] = []
        self.server_names: list[str | None] = []
        self.paused: list[float] = []
        self.heard = asyncio.Event()
        self.speaks = asyncio.Event()

    def sts(self, **policy: Any) -> RemoteSts:
        changed = msgspec.structs.replace(RoleCredentialPolicy(), **policy)
        return RemoteSts(changed, clock=self.wall_clock, make_network=self._network)

    def next_answer(self) -> bytes | Exception | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _network(self) -> Network:
        return Network(connect=self._connect, tls=_TLS, clock=self.clock, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.paused.append(seconds)

    async def _connect(self, host: str, port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
        self.connected.append((host, port))
        if host in self.refuses:
            raise httpcore.ConnectError("All connection attempts failed")
        return _Stream(self)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is kept."""

    def __init__(self, network: StsNetwork) -> None:
        self._network = network
        self._request = b""
        self._answer: bytes | Exception | None = b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._request += buffer
        head, separator, body = self._request.partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if len(body) < int(headers["content-length"]):
            return
        assert first.startswith("POST ")
        self._network.requests.append(Request(first.split(" ")[1], headers, body))
        self._network.heard.set()
        self._request = b""
        self._answer = self._network.next_answer()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._answer is None:
            await self._network.speaks.wait()
            self._answer = GOOD
        if isinstance(self._answer, Exception):
            raise self._answer
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


def web_identity(**changes: Any) -> WebIdentityCall:
    return msgspec.structs.replace(
        WebIdentityCall(
            endpoint=ENDPOINT,
            allow_http=False,
            role_arn="arn:aws:iam::111122223333:role/Admin",
            session_name="mira",
            web_identity_token=TOKEN,
            duration=3600,
        ),
        **changes,
    )


def assume_role(**changes: Any) -> AssumeRoleCall:
    return msgspec.structs.replace(
        AssumeRoleCall(
            endpoint=ENDPOINT,
            allow_http=False,
            region="eu-central-1",
            access_key_id="AKIAOFPOSTERN",
            secret_access_key=OWN_SECRET,
            role_arn="arn:aws:iam::111122223333:role/Admin",
            session_name="mira",
            duration=3600,
            external_id="an external id",
            source_identity="mira",
            tags=(SessionTag(key="team", value="a:b"), SessionTag(key="user", value="Mira & Co.")),
            transitive_tag_keys=("team",),
        ),
        **changes,
    )


def signin_token(**changes: Any) -> SigninTokenCall:
    credentials = TemporaryCredentials(
        access_key_id="ASIAGIVEN", secret_access_key=SECRET, session_token=SESSION_TOKEN, expires_at=1_790_003_600
    )
    call = SigninTokenCall(
        endpoint="https://signin.example.org/federation", allow_http=False, credentials=credentials, duration=3600
    )
    return msgspec.structs.replace(call, **changes)
