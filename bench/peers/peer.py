"""What a peer is: how it starts, what it is asked, and what it keeps of that. The bodies of those that speak OAuth 2.0
are the same: forms for the device flow (RFC 8628) and for refreshing (RFC 6749 section 6), JSON for registration
(RFC 7591).
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from bench.measure import DidNotStart, Server
from bench.signed_requests import FORM, JSON
from postern.core.clients import DEVICE_CODE, REFRESH_TOKEN

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
CACHE = ROOT / ".cache"

POLL, REGISTER, START, REFRESH = "pending poll", "register", "device start", "refresh"
OPERATIONS = (POLL, REGISTER, START, REFRESH)
CONNECTIONS = 32

NOTHING = "nothing to keep"
WAL = "SQLite: WAL, synchronous FULL"


class LeftOut(Exception):
    """A peer cannot be measured; the text is the reason."""


class Seeds(msgspec.Struct, frozen=True, kw_only=True):
    """What the load presents: the credentials of a client, pending device codes, live refresh tokens."""

    client_id: str
    client_secret: str
    device_codes: list[str]
    refresh_tokens: list[str]

    def __repr__(self) -> str:
        return f"Seeds({self.client_id})"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as a peer is asked for it. An answer is right if it has ``status`` and, somewhere, ``answer``.

    ``bodies`` are sent in turn; those that are signed hold authorization, date and body with tabs between. ``kept`` is
    what the peer has on disk when it answers, ``note`` what one has to know beside its name.
    """

    path: str
    bodies: Callable[[Seeds], Sequence[str]]
    status: int
    answer: str
    kept: str
    content_type: str = FORM
    signed: bool = False
    connections: int = CONNECTIONS
    note: str = ""


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """``start`` gets an empty folder and a port, and may take the one above it too. ``seed`` is asked while the server
    runs, and makes so many pending device codes and so many refresh tokens. ``polled`` is how many codes are polled in
    turn. ``setup`` is the part of ``scripts/setup`` that installs it.
    """

    name: str
    setup: str
    version: Callable[[], str]
    remark: str
    requests: Mapping[str, Request]
    start: Callable[[Path, int], Server]
    seed: Callable[[Path, int, int, int], Seeds]
    polled: int = 2000


def device_flow(
    *,
    token: str,
    device_authorization: str,
    registration: str,
    scope: str = "accounts",
    registered: Mapping[str, object] | None = None,
    registered_status: int = 201,
    kept: str = WAL,
    kept_of_poll: str = NOTHING,
) -> dict[str, Request]:
    """The four operations of a peer at these paths. ``registered`` is what its registration wants otherwise."""

    def poll(seeds: Seeds) -> list[str]:
        return [_form(seeds, grant_type=DEVICE_CODE, device_code=code) for code in seeds.device_codes]

    def refresh(seeds: Seeds) -> list[str]:
        return [_form(seeds, grant_type=REFRESH_TOKEN, refresh_token="REFRESH_TOKEN")]

    client = _REGISTRATION | {"scope": scope} | dict(registered or {})
    return {
        POLL: Request(path=token, bodies=poll, status=400, answer="authorization_pending", kept=kept_of_poll),
        REGISTER: Request(
            path=registration,
            bodies=lambda _: [json.dumps(client)],
            status=registered_status,
            answer='"client_secret"',
            kept=kept,
            content_type=JSON,
        ),
        START: Request(
            path=device_authorization,
            bodies=lambda seeds: [_form(seeds, scope=scope)],
            status=200,
            answer='"user_code"',
            kept=kept,
        ),
        REFRESH: Request(path=token, bodies=refresh, status=200, answer='"refresh_token"', kept=kept),
    }


_REGISTRATION: dict[str, object] = {
    "client_name": "botocore-client-bench",
    "grant_types": [DEVICE_CODE, REFRESH_TOKEN],
    "response_types": [],
    "redirect_uris": [],
    "token_endpoint_auth_method": "client_secret_post",
}


def _form(seeds: Seeds, **parameters: str) -> str:
    credentials = {"client_id": seeds.client_id, "client_secret": seeds.client_secret}
    return urlencode({name: value for name, value in (credentials | parameters).items() if value})


# A peer's own packages


def installed(program: Path | str, setup: str) -> Path:
    """
    Raises:
        LeftOut: there is no such program.
    """
    if not Path(program).exists():
        raise LeftOut(f"not installed: run scripts/setup {setup}")
    return Path(program)


def python_version(environment: Path, package: str) -> str:
    """Of a package in a virtual environment."""
    folders = [str(folder) for folder in environment.glob("lib/*/site-packages")]
    return next((each.version for each in distributions(name=package, path=folders)), "unknown")


def said(program: Path | str, *arguments: str, environment: Mapping[str, str]) -> bytes:
    """What a program prints.

    Raises:
        DidNotStart: it failed; the text is the last that it said.
    """
    done = subprocess.run([str(program), *arguments], env=dict(environment), capture_output=True, check=False)
    if done.returncode:
        raise DidNotStart(" ".join(done.stderr.decode(errors="replace").split()[-20:]))
    return done.stdout
