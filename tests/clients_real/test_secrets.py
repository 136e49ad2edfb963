"""No secret in a log or in the store: whole flows at debug level, then every secret is looked for in everything that
the server has printed and written.
"""

import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postern.core.audit import EventName
from tests.clients_real.flows import ACCOUNT_ACCESS, REGISTERED_URI, Pkce
from tests.clients_real.hunt import forms, hunt
from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE
from tests.clients_real.servers import NO_LIMITS, POSTERN, Server, environment, started
from tests.clients_real.wire import Answer, Wire

pytestmark = pytest.mark.real_client

PASSWORD = "tr0ub4dor & hörse/battery"
WRONG_PASSWORD = "Wr0ng-guess/of+a=person"
SECRET_MEMBERS = ("clientSecret", "deviceCode", "userCode", "accessToken", "refreshToken", "idToken")
TRACES = ("ada", "CreateToken", "Logout", "store unavailable", '"path":"/authorize"', "client_digest")
EVENTS = (EventName.REFRESH_TOKEN_REUSE, EventName.DEVICE_DENIED, EventName.CONSENT_GIVEN, EventName.SIGN_OUT)
SECRET_INPUTS = (*SECRET_MEMBERS, "code", "codeVerifier")


class Watched(Wire):
    """The wire, with note taken of each secret that is sent or received."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self.secrets: dict[str, str] = {}

    def post(self, target: str, **members: object) -> Answer:
        self._note(members, SECRET_INPUTS)
        answer = super().post(target, **members)
        if answer.headers["Content-Type"] == "application/json":
            self._note(answer.members, SECRET_MEMBERS)
        return answer

    def _note(self, members: dict[str, Any], names: tuple[str, ...]) -> None:
        self.secrets |= {str(members[name]): name for name in names if members.get(name)}


class Scene:
    """A server at debug level, a person, a client that is watched, and all that was said between them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wire = Watched(server.endpoint)
        self.people: list[Person] = []
        self.states: set[str] = set()
        self.client = self.wire.register(
            scopes=[ACCOUNT_ACCESS],
            grantTypes=[DEVICE_CODE, "authorization_code", "refresh_token"],
            redirectUris=[REGISTERED_URI],
        ).members

    def person(self) -> Person:
        person = Person(self.server.endpoint, "ada", PASSWORD)
        self.people.append(person)
        return person

    def token(self, grant_type: str, **members: object) -> Answer:
        return self.wire.token(self.client, grant_type, **members)

    def sign_in_by_device(self, person: Person) -> tuple[str, dict[str, Any]]:
        device = self.wire.start_device(self.client, self.server.start_url).members
        for _ in range(3):  # the last one is told to slow down
            self.token(DEVICE_CODE, deviceCode=device["deviceCode"])
        assert person.approve(device["verificationUriComplete"]) == "Approved"
        return device["deviceCode"], self.token(DEVICE_CODE, deviceCode=device["deviceCode"]).members

    def secrets(self) -> dict[str, str]:
        """Each secret and what it is. Public client ids are none."""
        by_browser = {secret: "cookie or page token" for person in self.people for secret in person.seen}
        passwords = {PASSWORD: "password", WRONG_PASSWORD: "wrong password"}
        return self.wire.secrets | by_browser | dict.fromkeys(self.states, "state") | passwords

    def places(self) -> dict[str, bytes]:
        """All that the server has printed, and all its files but the one that is there to hold a key."""
        files = [file for file in self.server.data.rglob("*") if file.is_file() and file.name != "master.key"]
        return {file.name: file.read_bytes() for file in files} | {"the output": self.server.output()}


def play(scene: Scene) -> None:
    """Device, PKCE, refresh, theft, refusals, wrong and right passwords, sign-out, an error of the store."""
    person = scene.person()
    assert person.sign_in(WRONG_PASSWORD).status == 403
    page = person.sign_in()
    if page.status == 429:  # within a second of the wrong one
        time.sleep(int(page.headers["Retry-After"]))
        page = person.sign_in()
    assert page.status == 200
    _device_and_theft(scene, person)
    _authorization_code(scene, person)
    _denials_and_guesses(scene, person)
    _malformed_requests(scene)
    _full_disk(scene, person)
    assert person.sign_out() == "Signed out"


def _device_and_theft(scene: Scene, person: Person) -> None:
    device_code, first = scene.sign_in_by_device(person)
    second = scene.token("refresh_token", refreshToken=first["refreshToken"]).members
    third = scene.token("refresh_token", refreshToken=second["refreshToken"]).members
    assert scene.token("refresh_token", refreshToken=first["refreshToken"]).error == "InvalidGrantException"
    assert scene.token("refresh_token", refreshToken=third["refreshToken"]).error == "InvalidGrantException"
    assert scene.token(DEVICE_CODE, deviceCode=device_code).error == "InvalidGrantException"
    assert scene.wire.logout(third["accessToken"]).status == 401
    _, signed_out = scene.sign_in_by_device(scene.person())
    assert scene.wire.logout(signed_out["accessToken"]).status == 200


def _authorization_code(scene: Scene, person: Person) -> None:
    for decision in ("approve", "deny"):
        pkce = Pkce(scene.server.endpoint, scene.client["clientId"])
        scene.states.add(pkce.state)
        callback = person.consent(pkce.url, decision)
        if decision == "deny":
            continue
        proof = {"code": pkce.code_from(callback), "redirectUri": pkce.redirect_uri}
        wrong = scene.token("authorization_code", **proof, codeVerifier="n0t-the-verifier-of-anybody-but-long-enough")
        assert wrong.error == "InvalidGrantException"
        assert scene.token("authorization_code", **proof, codeVerifier=pkce.verifier).status == 200


def _denials_and_guesses(scene: Scene, person: Person) -> None:
    device = scene.wire.start_device(scene.client, scene.server.start_url).members
    assert person.enter_code(device["verificationUri"], device["userCode"].lower(), "deny") == "Denied"
    scene.token(DEVICE_CODE, deviceCode=device["deviceCode"])
    assert person.open(f"{scene.server.endpoint}/device?user_code=BCDF-GHJK").status == 400
    # An authorization request that is refused, with a state that must not be told on.
    pkce = Pkce(scene.server.endpoint, scene.client["clientId"], "https://attacker.example/callback")
    scene.states.add(pkce.state)
    assert person.open(pkce.url).status == 400


def _malformed_requests(scene: Scene) -> None:
    """Good secrets in bad requests: what is refused early must not be logged either."""
    _, token = scene.sign_in_by_device(scene.person())
    good = {name: scene.client[name] for name in ("clientId", "clientSecret")}
    wire = scene.wire
    assert wire.post("/token", **good, grantType="refresh_token").status == 400
    assert wire.post("/token", **good, grantType=["refresh_token"], refreshToken=token["refreshToken"]).status == 400
    assert wire.post("/token", **good, grantType="password", refreshToken=token["refreshToken"]).status == 400
    assert wire.post("/nowhere", **good, refreshToken=token["refreshToken"]).status == 404
    assert wire.post(f"/token?refresh_token={token['refreshToken']}", **good, grantType="x").status == 400
    assert wire.post("/device_authorization", **good, startUrl=f"https://x/{token['accessToken']}").status == 400
    stranger = {"clientId": scene.client["clientId"], "clientSecret": token["refreshToken"]}
    assert wire.token(stranger, "refresh_token", refreshToken=token["refreshToken"]).status == 401
    assert wire.logout(token["refreshToken"]).status == 401


def _full_disk(scene: Scene, person: Person) -> None:
    """The store fails in the middle of a refresh, and the failure is logged."""
    _, token = scene.sign_in_by_device(person)
    pid = scene.server.process.pid
    room = len(scene.server.output()) + 8192  # its log may go on, its store may not
    assert (scene.server.data / "postern.db-wal").stat().st_size > room
    _, hard = limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, hard))
    try:
        failed = scene.token("refresh_token", refreshToken=token["refreshToken"])
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert failed.error == "InternalServerException"
    assert scene.token("refresh_token", refreshToken=token["refreshToken"]).status == 200


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything has been played, and the server still runs."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run(
        (str(POSTERN), "user", "add", "ada", "--data", str(folder / "data"), "--password-stdin"),
        input=PASSWORD,
        text=True,
        env=environment({}),
        capture_output=True,
        check=True,
    )
    settings = NO_LIMITS | {"POSTERN_LOG__LEVEL": "debug"}
    with started(folder, command="serve", settings=settings) as server:
        scene = Scene(server)
        play(scene)
        yield scene


def test_hunt_would_find_what_is_there(scene: Scene) -> None:
    """It is not blind: the flows left their traces in log and store, and every kind of secret was gathered."""
    everything = b"".join(scene.places().values())
    for trace in (*TRACES, *(event.value for event in EVENTS)):
        assert trace.encode() in everything, trace
    secrets = scene.secrets()
    kinds = set(SECRET_INPUTS) - {"idToken"} | {"cookie or page token", "state", "password", "wrong password"}
    assert set(secrets.values()) == kinds
    assert len(secrets) > 40
    for secret, kind in secrets.items():
        for form in forms(secret):
            assert list(hunt({secret: kind}, {"a place": b"before" + form + b"after"}))


def test_no_secret_while_the_server_runs(scene: Scene) -> None:
    assert {"postern.db", "postern.db-wal", "the output"} <= set(scene.places())
    assert list(hunt(scene.secrets(), scene.places())) == []


def test_files_of_the_server_are_for_the_owner_only(scene: Scene) -> None:
    for file in Path(scene.server.data).rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_no_secret_after_the_server_has_stopped(scene: Scene) -> None:
    """Its last words, and the store after its log was folded into it. The last test here: it ends the server."""
    scene.server.process.terminate()
    assert scene.server.process.wait(timeout=20) == 0
    assert list(hunt(scene.secrets(), scene.places())) == []
