"""Which sign-in the arguments of `login` and `async_login` mean, and where it is made."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postern.client.effects import Flow
from postern.client.errors import ConfigurationError
from postern.client.sessions import DEFAULT_SCOPES
from postern.client.sign_in import login as ways_in
from postern.client.sign_in.attempt import Caller
from postern.client.sign_in.login import async_login, login
from postern.client.sign_in.login_request import LoginRequest
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey, TokenCache

DEV_URL, LEGACY_URL, OTHER_URL = (f"https://{name}.awsapps.com/start" for name in ("dev", "legacy", "other"))
DEV = f"""
[sso-session dev]
sso_start_url = {DEV_URL}
sso_region = eu-west-1
sso_registration_scopes = a:b, c:d
"""
PROFILES = """
[profile one]
sso_session = dev
services = local
[services local]
sso_oidc =
  endpoint_url = http://127.0.0.1:1
"""
LEGACY = f"""
[profile legacy]
sso_start_url = {LEGACY_URL}
sso_region = us-east-2
"""
SECOND = f"""
[sso-session second]
sso_start_url = {OTHER_URL}
sso_region = eu-west-1
"""
DISAGREEING = """
[profile two]
sso_session = dev
endpoint_url = http://127.0.0.1:2
"""
SCOPES = ("a:b", "c:d")
IRELAND, VIRGINIA = (f"https://oidc.{region}.amazonaws.com/" for region in ("eu-west-1", "us-east-1"))


class Meant(NamedTuple):
    start_url: str
    session: str | None
    region: str
    scopes: tuple[str, ...]
    endpoint: str


class Entrance:
    """`login` or `async_login`; of the sign-in it is only noted what it would be."""

    def __init__(self, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kind = kind
        self._folder = folder
        self.environment: dict[str, str] = {"AWS_CONFIG_FILE": str(folder / "config"), "HOME": str(folder)}
        self.requests: list[LoginRequest] = []
        self.caches: list[TokenCache] = []
        self._endpoints: list[str] = []
        monkeypatch.setattr(ways_in, "login_flow", self._note)

    def _note(self, caller: Caller, request: LoginRequest, cache: TokenCache, *_: object, **__: object) -> Flow[str]:
        yield from ()
        self.requests.append(request)
        self.caches.append(cache)
        self._endpoints.append(caller.endpoint.href)
        return "token"

    def configure(self, text: str) -> None:
        (self._folder / "config").write_text(text)

    def go(self, **arguments: Any) -> Meant:
        assert self._go({"environment": self.environment, **arguments}) == "token"
        request = self.requests[-1]
        return Meant(request.start_url, request.session_name, request.region, request.scopes, self._endpoints[-1])

    def client(self, **options: Any) -> SSOOIDC | AsyncSSOOIDC:
        kind = SSOOIDC if self.kind == "sync" else AsyncSSOOIDC
        return kind(**{"environment": {"AWS_CONFIG_FILE": "/nonexistent"}, **options})

    def _go(self, arguments: Mapping[str, Any]) -> object:
        if self.kind == "sync":
            return login(**arguments)

        async def run() -> object:
            return await async_login(**arguments)

        return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def entrance(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entrance:
    return Entrance(request.param, tmp_path, monkeypatch)


CONFIGURED = Meant(DEV_URL, "dev", "eu-west-1", SCOPES, IRELAND)
LOCAL = CONFIGURED._replace(endpoint="http://127.0.0.1:1/")
OLD = Meant(LEGACY_URL, None, "us-east-2", DEFAULT_SCOPES, "https://oidc.us-east-2.amazonaws.com/")
MEANT: dict[str, tuple[str, dict[str, str], dict[str, Any], Meant]] = {
    "a session": (DEV, {}, {"session": "dev"}, CONFIGURED),
    "a session and the start URL that it has": (DEV, {}, {"session": "dev", "start_url": DEV_URL}, CONFIGURED),
    "a session, and the environment's region is another": (
        DEV,
        {"AWS_REGION": "us-east-1"},
        {"session": "dev", "start_url": DEV_URL},
        CONFIGURED,
    ),
    "a session and another start URL": (
        DEV,
        {},
        {"session": "dev", "start_url": OTHER_URL},
        CONFIGURED._replace(start_url=OTHER_URL),
    ),
    "a session and another region": (
        DEV,
        {},
        {"session": "dev", "region": "us-east-1"},
        CONFIGURED._replace(region="us-east-1", endpoint=VIRGINIA),
    ),
    "a session and scopes": (DEV, {}, {"session": "dev", "scopes": ["x"]}, CONFIGURED._replace(scopes=("x",))),
    "a session whose profile has an endpoint": (DEV + PROFILES, {}, {"session": "dev"}, LOCAL),
    "a session and an endpoint": (
        DEV + PROFILES + DISAGREEING,
        {},
        {"session": "dev", "endpoint": "http://127.0.0.1:7"},
        CONFIGURED._replace(endpoint="http://127.0.0.1:7/"),
    ),
    "a session and one of its profiles": (
        DEV + PROFILES + DISAGREEING,
        {},
        {"session": "dev", "profile": "two"},
        CONFIGURED._replace(endpoint="http://127.0.0.1:2/"),
    ),
    "a session that is not configured": (
        DEV,
        {},
        {"session": "new", "start_url": OTHER_URL, "region": "us-east-1"},
        Meant(OTHER_URL, "new", "us-east-1", DEFAULT_SCOPES, VIRGINIA),
    ),
    "a profile": (DEV + PROFILES + LEGACY, {}, {"profile": "one"}, LOCAL),
    "a profile of the older form": (DEV + LEGACY, {}, {"profile": "legacy"}, OLD),
    "a start URL": (
        DEV,
        {},
        {"start_url": OTHER_URL, "region": "us-east-1"},
        Meant(OTHER_URL, None, "us-east-1", DEFAULT_SCOPES, VIRGINIA),
    ),
    "a start URL, and the region is the environment's": (
        "",
        {"AWS_REGION": "us-east-1"},
        {"start_url": OTHER_URL},
        Meant(OTHER_URL, None, "us-east-1", DEFAULT_SCOPES, VIRGINIA),
    ),
    "nothing, and one is configured": (DEV, {}, {}, CONFIGURED),
    "nothing, and one of the older form is configured": (LEGACY, {}, {}, OLD),
    "nothing, and the environment names a profile": (DEV + SECOND + PROFILES, {"AWS_PROFILE": "one"}, {}, LOCAL),
    "None is nothing": (
        DEV,
        {},
        {"session": None, "scopes": None, "method": None, "timeout": None, "min_ttl": None, "cache": None},
        CONFIGURED,
    ),
}


@pytest.mark.parametrize("config, variables, arguments, meant", MEANT.values(), ids=MEANT)
def test_which_sign_in_is_meant(
    entrance: Entrance, config: str, variables: dict[str, str], arguments: dict[str, Any], meant: Meant
) -> None:
    entrance.configure(config)
    entrance.environment |= variables
    assert entrance.go(**arguments) == meant


CLIENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], Meant]] = {
    "its region and endpoint are its own": (
        DEV,
        {"region": "us-east-1"},
        {"session": "dev"},
        CONFIGURED._replace(region="us-east-1", endpoint=VIRGINIA),
    ),
    "also where profiles disagree": (
        DEV + PROFILES + DISAGREEING,
        {"region": "us-east-1", "endpoint": "http://127.0.0.1:9"},
        {"session": "dev"},
        CONFIGURED._replace(region="us-east-1", endpoint="http://127.0.0.1:9/"),
    ),
    "a region that is given goes before": (
        DEV,
        {"region": "us-east-1"},
        {"session": "dev", "region": "eu-west-1"},
        CONFIGURED._replace(endpoint=VIRGINIA),
    ),
    "without a region it is the session's": (
        DEV,
        {"endpoint": "http://127.0.0.1:9"},
        {"session": "dev"},
        CONFIGURED._replace(endpoint="http://127.0.0.1:9/"),
    ),
    "with a start URL": (
        DEV,
        {"region": "us-east-1"},
        {"start_url": OTHER_URL},
        Meant(OTHER_URL, None, "us-east-1", DEFAULT_SCOPES, VIRGINIA),
    ),
}


@pytest.mark.parametrize("config, options, arguments, meant", CLIENTS.values(), ids=CLIENTS)
def test_a_client_that_is_given(
    entrance: Entrance, config: str, options: dict[str, Any], arguments: dict[str, Any], meant: Meant
) -> None:
    entrance.configure(config)
    assert entrance.go(client=entrance.client(**options), **arguments) == meant


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "several are configured": (DEV + SECOND, {}, "several"),
    "none is configured": ("", {}, "no sign-in"),
    "an unknown session": (DEV, {"session": "nope"}, "nope"),
    "an unknown session without a region": ("", {"session": "nope", "start_url": OTHER_URL}, "region"),
    "profiles that disagree": (DEV + PROFILES + DISAGREEING, {"session": "dev"}, "different endpoints"),
    "a misspelt argument": (DEV, {"sesion": "dev"}, "'sesion' is no argument of login, did you mean session?"),
    "an argument in other case": (DEV, {"Force": True}, "did you mean force"),
    "an argument of the command line": (DEV, {"use_device_code": True}, "no argument"),
    "a port that is text": (DEV, {"callback_port": "80"}, "callback_port"),
    "scopes that are text": (DEV, {"scopes": "a:b"}, "scopes"),
    "an unknown method": (DEV, {"method": "telepathy"}, "telepathy"),
    "a cache that there is not": (DEV, {"cache": "attic"}, "attic"),
    "a client that is none": (DEV, {"client": "work"}, "not str"),
}


@pytest.mark.parametrize("config, arguments, text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(entrance: Entrance, config: str, arguments: dict[str, Any], text: str) -> None:
    entrance.configure(config)
    with pytest.raises(ConfigurationError, match=text):
        entrance.go(**arguments)
    assert entrance.requests == []


def test_a_client_of_the_other_kind_is_refused() -> None:
    blocking, waiting = SSOOIDC(region="eu-west-1"), AsyncSSOOIDC(region="eu-west-1")
    with pytest.raises(ConfigurationError, match="takes an SSOOIDC here, not AsyncSSOOIDC"):
        login(start_url=DEV_URL, client=waiting)
    with pytest.raises(ConfigurationError, match="takes an AsyncSSOOIDC here, not SSOOIDC"):
        asyncio.run(async_login(start_url=DEV_URL, client=blocking))


def test_the_rest_of_the_arguments_arrives(entrance: Entrance) -> None:
    entrance.configure(DEV)
    entrance.go(
        method="device_code", open_browser=False, callback_port=5000, timeout=60, min_ttl=900, force=True,
        client_name="mine",
    )  # fmt: skip
    assert entrance.requests == [
        LoginRequest(
            start_url=DEV_URL, region="eu-west-1", session_name="dev", scopes=SCOPES, method="device_code",
            open_browser=False, callback_port=5000, timeout=60.0, min_ttl=900.0, force=True, client_name="mine",
        )
    ]  # fmt: skip


CACHES: dict[str, Callable[[Path], Any]] = {
    "a cache": FileTokenCache,
    "how it is called": lambda folder: f"aws:{folder}",
}


@pytest.mark.parametrize("given", CACHES.values(), ids=CACHES)
def test_the_cache(entrance: Entrance, tmp_path: Path, given: Callable[[Path], Any]) -> None:
    kept = CachedToken(start_url=DEV_URL, region="eu-west-1", access_token="access-token-1", expires_at=2e9)
    FileTokenCache(tmp_path / "cache").store(SessionKey(DEV_URL, "dev"), kept)
    entrance.configure(DEV)
    entrance.go(cache=given(tmp_path / "cache"))
    found = entrance.caches[0].load(SessionKey(DEV_URL, "dev"))
    assert found is not None
    assert found.access_token == "access-token-1"
