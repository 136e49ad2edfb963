"""What an STS is asked, and what is read of its answers."""

import asyncio
import logging
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postern.api import sigv4
from postern.api.sigv4_authorization import expected_signature, parse_authorization
from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.policy import RoleCredentialPolicy
from postern.core.role_credentials.port import SourceFaulty, StsError, StsRefused, StsUnavailable
from postern.remote.sts import MAX_ENDPOINTS, RemoteSts
from postern.remote.sts_endpoint import Network
from postern.server import logs
from tests.cli import certificates
from tests.core.world import VirtualClock
from tests.remote.sts_network import (
    BUSY,
    DENIED,
    ENDPOINT,
    GOOD,
    GOOD_ROLE,
    OWN_SECRET,
    SECRET,
    SECRETS,
    SESSION_TOKEN,
    TOKEN,
    StsNetwork,
    assume_role,
    http,
    refusal,
    signin_token,
    web_identity,
)

GIVEN = TemporaryCredentials(
    access_key_id="ASIAGIVEN", secret_access_key=SECRET, session_token=SESSION_TOKEN, expires_at=1_790_003_600
)
SIGNIN_TOKEN = http("200 OK", '{"SigninToken": "a-signin-token"}')

Ask = Callable[[RemoteSts], Awaitable[object]]
CALLS: dict[str, tuple[Ask, bytes]] = {
    "AssumeRoleWithWebIdentity": (lambda sts: sts.assume_role_with_web_identity(web_identity()), GOOD),
    "AssumeRole": (lambda sts: sts.assume_role(assume_role()), GOOD_ROLE),
    "getSigninToken": (lambda sts: sts.signin_token(signin_token()), SIGNIN_TOKEN),
}


@pytest.fixture
def network(clock: VirtualClock) -> StsNetwork:
    return StsNetwork(clock)


# Asking


async def test_a_web_identity_is_posted_and_not_signed(network: StsNetwork) -> None:
    assert await network.sts().assume_role_with_web_identity(web_identity()) == GIVEN
    (request,) = network.requests
    assert request.target == "/"
    assert request.headers["host"] == "sts.example.org"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert "authorization" not in request.headers
    assert request.form == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::111122223333:role/Admin",
        "RoleSessionName": "mira",
        "WebIdentityToken": TOKEN,
        "DurationSeconds": "3600",
    }


async def test_an_sts_that_wants_no_role_hears_of_none(network: StsNetwork) -> None:
    await network.sts().assume_role_with_web_identity(web_identity(role_arn=""))
    assert "RoleArn" not in network.requests[0].form


async def test_a_role_is_asked_for_with_all_that_is_said_of_the_session(network: StsNetwork) -> None:
    network.answers = [GOOD_ROLE]
    assert await network.sts().assume_role(assume_role()) == GIVEN
    assert network.requests[0].form == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::111122223333:role/Admin",
        "RoleSessionName": "mira",
        "DurationSeconds": "3600",
        "ExternalId": "an external id",
        "SourceIdentity": "mira",
        "Tags.member.1.Key": "team",
        "Tags.member.1.Value": "a:b",
        "Tags.member.2.Key": "user",
        "Tags.member.2.Value": "Mira & Co.",
        "TransitiveTagKeys.member.1": "team",
    }


async def test_a_session_that_nothing_is_said_of_is_asked_for_plainly(network: StsNetwork) -> None:
    network.answers = [GOOD_ROLE]
    plain = assume_role(external_id="", source_identity="", tags=(), transitive_tag_keys=())
    await network.sts().assume_role(plain)
    assert network.requests[0].form.keys() == {"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds"}


@pytest.mark.parametrize(
    "endpoint, host, target",
    [
        (ENDPOINT, "sts.example.org", "/"),
        ("https://rgw.example.org:8443/sts/", "rgw.example.org:8443", "/sts/"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", "/"),
        ("http://[::1]:9000", "[::1]:9000", "/"),
    ],
)
async def test_the_signature_is_that_of_the_request_as_it_arrives(
    network: StsNetwork, endpoint: str, host: str, target: str
) -> None:
    network.answers = [GOOD_ROLE]
    await network.sts().assume_role(assume_role(endpoint=endpoint))
    (request,) = network.requests
    assert (request.headers["host"], request.target) == (host, target)
    authorization = parse_authorization(request.headers["authorization"])
    assert str(authorization.scope) == "20260921/eu-central-1/sts/aws4_request"
    assert authorization.access_key_id == "AKIAOFPOSTERN"
    expected = expected_signature(
        authorization,
        key=sigv4.signing_key(OWN_SECRET, authorization.scope),
        amz_date=request.headers["x-amz-date"],
        method="POST",
        path=target,
        query="",
        headers=request.headers.items(),
        body=request.body,
    )
    assert authorization.signature == expected


async def test_each_try_is_signed_with_its_own_date(network: StsNetwork) -> None:
    network.answers = [BUSY, GOOD_ROLE]
    sts = network.sts()

    async def a_while(seconds: float) -> None:
        network.wall_clock.advance(60)

    network._sleep = a_while  # type: ignore[method-assign]
    await sts.assume_role(assume_role())
    first, second = (request.headers for request in network.requests)
    assert (first["x-amz-date"], second["x-amz-date"]) == ("20260921T141320Z", "20260921T141420Z")
    assert first["authorization"] != second["authorization"]


async def test_a_signin_token_is_posted_for_so_that_no_url_holds_the_credentials(network: StsNetwork) -> None:
    network.answers = [SIGNIN_TOKEN]
    assert await network.sts().signin_token(signin_token()) == "a-signin-token"
    (request,) = network.requests
    assert request.target == "/federation"
    form = request.form
    session = msgspec.json.decode(form.pop("Session"))
    assert form == {"Action": "getSigninToken", "SessionDuration": "3600"}
    assert session == {"sessionId": "ASIAGIVEN", "sessionKey": SECRET, "sessionToken": SESSION_TOKEN}


@pytest.mark.parametrize(
    "body", ["", "<html/>", "{}", '{"SigninToken": 7}', '{"SigninToken": ""}', '{"SigninToken": "a b"}', b"\xff"]
)
async def test_without_a_signin_token_there_is_none(network: StsNetwork, body: str | bytes) -> None:
    network.answers = [http("200 OK", body)]
    with pytest.raises(StsUnavailable):
        await network.sts().signin_token(signin_token())
    assert len(network.requests) == 1


# Whom


@pytest.mark.parametrize("url", ["http://sts.example.org", "ftp://127.0.0.1", "sts.example.org", "https://a@b.example"])
@pytest.mark.parametrize("call", CALLS)
async def test_only_an_endpoint_that_may_be_is_asked(network: StsNetwork, url: str, call: str) -> None:
    sts = network.sts()
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "AssumeRoleWithWebIdentity": lambda: sts.assume_role_with_web_identity(web_identity(endpoint=url)),
        "AssumeRole": lambda: sts.assume_role(assume_role(endpoint=url)),
        "getSigninToken": lambda: sts.signin_token(signin_token(endpoint=url)),
    }
    with pytest.raises(SourceFaulty, match="the endpoint is not https"):
        await asks[call]()
    assert network.connected == []


async def test_http_goes_where_the_operator_allows_it(network: StsNetwork) -> None:
    call = web_identity(endpoint="http://minio.internal:9000", allow_http=True)
    assert await network.sts().assume_role_with_web_identity(call) == GIVEN
    assert network.connected == [("minio.internal", 9000)]
    assert network.server_names == []


async def test_proxies_of_the_environment_are_not_used(network: StsNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    await network.sts().assume_role_with_web_identity(web_identity())
    assert network.connected == [("sts.example.org", 443)]
    assert network.server_names == ["sts.example.org"]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
async def test_redirects_are_not_followed(network: StsNetwork, status: str) -> None:
    network.answers = [http(status, "", "Location: https://elsewhere.example/"), GOOD]
    with pytest.raises(StsUnavailable, match="redirects are not followed"):
        await network.sts().assume_role_with_web_identity(web_identity())
    assert network.connected == [("sts.example.org", 443)]
    assert len(network.requests) == 1


async def test_connections_are_kept(network: StsNetwork) -> None:
    sts = network.sts()
    for _ in range(3):
        await sts.assume_role_with_web_identity(web_identity())
    assert len(network.requests) == 3
    assert len(network.connected) == 1
    await sts.aclose()


async def test_of_many_endpoints_the_ones_that_were_asked_last_are_remembered(network: StsNetwork) -> None:
    sts = network.sts()
    for number in range(MAX_ENDPOINTS + 1):
        await sts.assume_role_with_web_identity(web_identity(endpoint=f"https://sts{number}.example.org"))
    before = len(network.connected)
    await sts.assume_role_with_web_identity(web_identity(endpoint=f"https://sts{MAX_ENDPOINTS}.example.org"))
    assert len(network.connected) == before
    await sts.assume_role_with_web_identity(web_identity(endpoint="https://sts0.example.org"))
    assert len(network.connected) == before + 1


# Verdicts


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "code, status",
    [
        ("AccessDenied", "403 Forbidden"),
        ("InvalidIdentityToken", "400 Bad Request"),
        ("ExpiredTokenException", "400 Bad Request"),
        ("IDPRejectedClaim", "403 Forbidden"),
        ("MalformedPolicyDocument", "400 Bad Request"),
        ("PackedPolicyTooLarge", "400 Bad Request"),
        ("ValidationError", "400 Bad Request"),
        ("SignatureDoesNotMatch", "403 Forbidden"),
        ("RegionDisabledException", "403 Forbidden"),
    ],
)
async def test_a_verdict_is_taken_at_once(network: StsNetwork, call: str, code: str, status: str) -> None:
    network.answers = [refusal(code, status=status)]
    with pytest.raises(StsRefused) as caught:
        await CALLS[call][0](network.sts())
    assert caught.value.code == code
    assert code in caught.value.reason
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    "answer, code, reason",
    [
        (http("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"), "AccessDenied", "AccessDenied"),
        (
            http(
                "400 Bad Request",
                "<Response><Errors><Error><Code>InvalidAction</Code></Error></Errors></Response>",
            ),
            "InvalidAction",
            "InvalidAction",
        ),
        (http("404 Not Found", "<html>nothing here</html>"), "", "status 404"),
        (http("403 Forbidden", ""), "", "status 403"),
        (http("403 Forbidden", f"<Error><Code>{TOKEN} no</Code></Error>"), "", "status 403"),
        (refusal("A" * 65), "", "status 403"),
        (refusal("Access\nDenied"), "", "status 403"),
        (refusal(""), "", "status 403"),
    ],
    ids=["as S3 says it", "as EC2 says it", "a page", "nothing", "our token", "too long", "a line break", "empty"],
)
async def test_of_a_refusal_nothing_is_repeated_but_a_code(
    network: StsNetwork, answer: bytes, code: str, reason: str
) -> None:
    network.answers = [answer]
    with pytest.raises(StsRefused) as caught:
        await network.sts().assume_role_with_web_identity(web_identity())
    assert (caught.value.code, caught.value.reason) == (code, f"sts.example.org: {reason}")


# Secrets


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What a server logs that logs all it can."""
    loggers = [logging.getLogger(name) for name in (None, "httpcore", "asyncio")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    stream = StringIO()
    logs.configure("debug", stream)
    yield stream
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "outcome",
    [
        "answered",
        DENIED,
        refusal("AccessDenied", message=f"{TOKEN} {OWN_SECRET} {SECRET}"),
        http("200 OK", f"<html>{TOKEN} {OWN_SECRET} {SECRET} {SESSION_TOKEN}</html>"),
        http("500 Internal Server Error", f"{TOKEN} {OWN_SECRET} {SECRET} {SESSION_TOKEN}"),
        b"no HTTP at all: " + TOKEN.encode() + b"\r\n\r\n",
        OSError("reset while sending " + TOKEN),
    ],
    ids=["answered", "denied", "echoed in a refusal", "echoed in a page", "echoed in a failure", "garbage", "reset"],
)
async def test_140_neither_log_nor_error_holds_a_secret(
    network: StsNetwork, log: StringIO, call: str, outcome: bytes | Exception | str
) -> None:
    ask, good = CALLS[call]
    network.answers = [good if isinstance(outcome, str) else outcome]
    told = ""
    try:
        await ask(network.sts())
    except StsError as error:
        told = f"{error!r} {error.reason}"
        logging.getLogger("postern").exception("what a caller might do", extra={"fields": {"reason": error.reason}})
    assert bool(told) is not isinstance(outcome, str)
    assert not [secret for secret in SECRETS if secret in told + log.getvalue()]


@pytest.mark.parametrize("call", [web_identity(), assume_role(), signin_token()], ids=lambda call: type(call).__name__)
def test_140_what_is_asked_shows_no_secret(call: object) -> None:
    assert not [secret for secret in SECRETS if secret in repr(call)]


# With real sockets


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(GOOD)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port where the good answer is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that leaves is what is tested
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def real_sts(clock: VirtualClock, tls: ssl.SSLContext) -> RemoteSts:
    policy = RoleCredentialPolicy(retries=0)
    return RemoteSts(policy, clock=clock, make_network=lambda: Network(tls=tls))


@pytest.mark.parametrize(
    "name, trusted, outcome",
    [
        pytest.param("localhost", True, "", id="a certificate that is good"),
        pytest.param("other.example", True, "CERTIFICATE_VERIFY_FAILED", id="of another name"),
        pytest.param("localhost", False, "CERTIFICATE_VERIFY_FAILED", id="of an authority that nobody trusts"),
    ],
)
async def test_tls_is_verified_for_the_name(
    clock: VirtualClock, tmp_path: Path, name: str, outcome: str, *, trusted: bool
) -> None:
    made = certificates.made(tmp_path, name=name)
    tls = ssl.create_default_context(cafile=str(made.authority) if trusted else None)
    with serving(made.server) as port:
        sts, call = real_sts(clock, tls), web_identity(endpoint=f"https://localhost:{port}")
        if outcome:
            with pytest.raises(StsUnavailable, match=outcome):
                await sts.assume_role_with_web_identity(call)
        else:
            assert await sts.assume_role_with_web_identity(call) == GIVEN
        await sts.aclose()


async def test_over_a_real_socket(clock: VirtualClock) -> None:
    with serving() as port:
        sts = RemoteSts(RoleCredentialPolicy(), clock=clock)
        call = web_identity(endpoint=f"http://127.0.0.1:{port}")
        answers = await asyncio.gather(*(sts.assume_role_with_web_identity(call) for _ in range(8)))
        assert answers == [GIVEN] * 8
        await sts.aclose()


async def test_where_nobody_listens_there_is_no_answer(clock: VirtualClock) -> None:
    with serving() as port:
        pass
    sts = RemoteSts(RoleCredentialPolicy(retries=0), clock=clock)
    with pytest.raises(StsUnavailable, match=rf"127\.0\.0\.1:{port}: ConnectError"):
        await sts.assume_role_with_web_identity(web_identity(endpoint=f"http://127.0.0.1:{port}"))


async def test_certificates_that_cannot_be_read_are_no_answer(clock: VirtualClock) -> None:
    def make_network() -> Any:
        raise OSError("no such file")

    sts = RemoteSts(RoleCredentialPolicy(), clock=clock, make_network=make_network)
    with pytest.raises(StsUnavailable, match="certificates that TLS trusts cannot be read"):
        await sts.assume_role_with_web_identity(web_identity())
