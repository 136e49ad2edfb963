"""No secret of an application in a log or in the store: each grant at debug level, with good and bad signatures, then
every secret is looked for in everything that the server has printed and written.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from postern.core.audit import EventName
from postern.testing.oidc_issuer import IssuerProcess
from tests.clients_real.applications import (
    JWT_BEARER,
    Desk,
    by_assertion,
    by_code,
    by_exchange,
    by_refresh_token,
)
from tests.clients_real.conftest import person_at
from tests.clients_real.hunt import forms, hunt
from tests.clients_real.sdks import Boto3, Credentials, SdkError
from tests.clients_real.servers import NO_LIMITS, started

pytestmark = pytest.mark.real_client

SECRET_MEMBERS = ("accessToken", "refreshToken", "idToken", "assertion", "subjectToken", "code", "codeVerifier")
KINDS = {*SECRET_MEMBERS, "identityContext", "signature", "secret access key", "session token"}
_SIGNATURE = re.compile(r"Signature=([0-9a-f]{64})")


class Watched(Boto3):
    """boto3, with note taken of each secret that is sent or received, and of each signature."""

    def __init__(self, endpoint: str, credentials: Credentials, secrets: dict[str, str]) -> None:
        super().__init__(endpoint, credentials)
        self.secrets = secrets
        secrets[credentials.secret_access_key] = "secret access key"
        if credentials.session_token:
            secrets[credentials.session_token] = "session token"
        self.oidc.meta.events.register("before-send.sso-oidc", self._note_signature)

    def call(self, operation: str, **members: object) -> dict[str, Any]:
        self._note(members)
        answer = super().call(operation, **members)
        self._note(answer)
        self._note(answer.get("awsAdditionalDetails", {}))
        return answer

    def _note(self, members: dict[str, Any]) -> None:
        for name in (*SECRET_MEMBERS, "identityContext"):
            if members.get(name):
                self.secrets[str(members[name])] = name

    def _note_signature(self, request: Any, **_: object) -> None:
        header = request.headers["Authorization"]
        found = _SIGNATURE.search(header if isinstance(header, str) else header.decode())
        assert found
        self.secrets[found[1]] = "signature"


class Scene:
    """A server at debug level, its applications, and the secrets that passed."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.secrets: dict[str, str] = {}

    def sdk(self, credentials: Credentials) -> Watched:
        return Watched(self.desk.server.endpoint, credentials, self.secrets)

    def places(self) -> dict[str, bytes]:
        """All that the server has printed, and its files but those that are there to hold secrets."""
        data = self.desk.server.data
        files = [file for file in data.rglob("*") if file.is_file() and file.name != "master.key"]
        kept = {file.name: file.read_bytes() for file in files if file.parent.name != "demo"}
        return kept | {"the output": self.desk.server.output()}


def play(scene: Scene) -> None:
    """Every grant, by long-term and by temporary credentials, what is refused, and a request that is cut short."""
    desk = scene.desk
    demo, front = scene.sdk(desk.demo.credentials), scene.sdk(desk.front.credentials)
    person = person_at(desk.server)
    first = demo.call("CreateTokenWithIAM", **by_code(person, desk.demo))
    demo.call("CreateTokenWithIAM", **by_refresh_token(desk.demo, first["refreshToken"]))
    assertion = desk.assertion()
    demo.call("CreateTokenWithIAM", **by_assertion(desk.demo, assertion))
    subject = front.call("CreateTokenWithIAM", **by_code(person, desk.front, with_pkce=False))["accessToken"]
    demo.call("CreateTokenWithIAM", **by_exchange(desk.demo, subject))
    session = scene.sdk(desk.session(desk.demo))
    session.call("CreateTokenWithIAM", **by_assertion(desk.demo, desk.assertion()))
    refuse(demo, **by_assertion(desk.demo, assertion))
    refuse(demo, **by_assertion(desk.demo, first["accessToken"]))
    refuse(demo, **by_exchange(desk.demo, first["refreshToken"]))
    refuse(demo, clientId=first["accessToken"], grantType=JWT_BEARER, assertion=desk.assertion())
    secret = desk.demo.credentials.secret_access_key
    for wrong in (
        Credentials(desk.demo.credentials.access_key_id, "wrong/but+secret+of/somebody+else/0123456"),
        Credentials(secret, secret),  # in the place of the id
        Credentials(desk.demo.credentials.access_key_id, secret, first["accessToken"]),
    ):
        with contextlib.closing(scene.sdk(wrong)) as sdk:
            refuse(sdk, **by_assertion(desk.demo, desk.assertion()))
    for sdk in (demo, front, session):
        sdk.close()


def refuse(sdk: Watched, **members: object) -> None:
    with pytest.raises(SdkError) as refusal:
        sdk.call("CreateTokenWithIAM", **members)
    assert refusal.value.status < 500


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("application-secrets")
    with started(folder, settings=NO_LIMITS | {"POSTERN_LOG__LEVEL": "debug"}) as server, IssuerProcess() as issuer:
        scene = Scene(Desk(server, issuer))
        play(scene)
        yield scene


def test_hunt_would_find_what_is_there(scene: Scene) -> None:
    everything = b"".join(scene.places().values())
    for event in (EventName.CREATE_TOKEN_WITH_IAM, EventName.SIGNATURE_REJECTED, EventName.CONSENT_GIVEN):
        assert event.value.encode() in everything, event
    assert scene.desk.demo.arn.encode() in everything
    assert set(scene.secrets.values()) == KINDS
    for secret, kind in scene.secrets.items():
        for form in forms(secret):
            assert list(hunt({secret: kind}, {"a place": b"before" + form + b"after"}))


def test_no_secret_while_the_server_runs(scene: Scene) -> None:
    assert {"postern.db", "the output"} <= set(scene.places())
    assert list(hunt(scene.secrets, scene.places())) == []


def test_no_secret_after_the_server_has_stopped(scene: Scene) -> None:
    """The last test here: it ends the server."""
    scene.desk.server.process.terminate()
    assert scene.desk.server.process.wait(timeout=20) == 0
    assert list(hunt(scene.secrets, scene.places())) == []
