"""Role credentials when they are needed: those that are kept, while they are good, else new ones, by one of all."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from postern.api.errors import ForbiddenException, TooManyRequestsException, UnauthorizedException
from postern.api.operation import Operation, Shape
from postern.api.portal import (
    GET_ROLE_CREDENTIALS,
    GetRoleCredentialsRequest,
    GetRoleCredentialsResponse,
)
from postern.api.portal import (
    RoleCredentials as Given,
)
from postern.client.driver import run
from postern.client.effects import Call, Flow
from postern.client.errors import ConnectionFailed, CredentialsError, ServiceError, SignInRequired, UnreadableResponse
from postern.client.role_credentials.sealed_files import RoleCredentialFiles, RoleCredentials, RoleKey
from postern.client.role_credentials.usable import usable_role_credentials
from postern.client.token_cache import FileTokenCache
from tests.client.token_cache.samples import NOW, SESSION, TOKEN
from tests.client.token_world import NEARLY_OVER, NEW, Service

O = TypeVar("O", bound=Shape)  # noqa: E741  # what comes out
KEY = RoleKey(SESSION, "111122223333", "Admin")


def given(number: int = 1, life: float = 3600) -> GetRoleCredentialsResponse:
    return GetRoleCredentialsResponse(
        role_credentials=Given(
            access_key_id=f"ASIA{number}",
            secret_access_key="secret",
            session_token="session",
            expiration=int((NOW + life) * 1000),
        )
    )


class Portal:
    """What the portal answers, in turn, and with which tokens it was asked."""

    def __init__(self, *answers: GetRoleCredentialsResponse | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[GetRoleCredentialsRequest] = []
        self.happen: Callable[[], object] = lambda: None

    def flow(self, operation: Operation[Any, O], request: Shape) -> Flow[O]:
        assert operation is GET_ROLE_CREDENTIALS
        assert isinstance(request, GetRoleCredentialsRequest)
        self.requests.append(request)
        yield Call(self.happen)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(O, answer)


class Home:
    def __init__(self, folder: Path) -> None:
        self.tokens = FileTokenCache(folder / "cache")
        self.kept = RoleCredentialFiles(str(folder / "postern"))

    def ask(self, portal: Portal, oidc: Service | None = None, min_ttl: float = 0, now: float = NOW) -> RoleCredentials:
        flow = usable_role_credentials(
            KEY, self.tokens, self.kept, oidc or Service(), portal, now=lambda: now, min_ttl=min_ttl
        )
        return run(flow, cast(Any, None))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.tokens.store(SESSION, TOKEN)
    return home


def test_the_first_time_the_portal_is_asked_and_then_not_again(home: Home) -> None:
    portal = Portal(given(1), given(2))
    assert home.ask(portal).access_key_id == "ASIA1"
    assert home.ask(portal).access_key_id == "ASIA1"
    (request,) = portal.requests
    assert (request.access_token, request.account_id, request.role_name) == (
        TOKEN.access_token,
        KEY.account_id,
        KEY.role_name,
    )


def test_shortly_before_their_end_new_ones_are_fetched(home: Home) -> None:
    portal = Portal(given(1, 600), given(2))
    home.ask(portal)
    assert home.ask(portal, now=NOW + 299).access_key_id == "ASIA1"
    assert home.ask(portal, now=NOW + 300).access_key_id == "ASIA2"


def test_who_needs_them_for_long_gets_new_ones(home: Home) -> None:
    portal = Portal(given(1, 1800), given(2, 3600))
    home.ask(portal)
    assert home.ask(portal, min_ttl=1799).access_key_id == "ASIA1"
    assert home.ask(portal, min_ttl=1801).access_key_id == "ASIA2"


def test_a_token_that_is_due_is_refreshed_first(home: Home) -> None:
    home.tokens.store(SESSION, NEARLY_OVER)
    portal, oidc = Portal(given()), Service(NEW)
    home.ask(portal, oidc)
    assert [request.access_token for request in portal.requests] == ["new"]
    assert home.ask(Portal(), Service()).access_key_id == "ASIA1"


def test_after_a_new_sign_in_nothing_of_the_old_one_is_used(home: Home) -> None:
    home.ask(Portal(given(1)))
    home.tokens.store(SESSION, TOKEN._replace(access_token="of somebody else"))
    assert home.ask(Portal(given(2))).access_key_id == "ASIA2"


def test_who_has_signed_out_gets_nothing(home: Home) -> None:
    home.ask(Portal(given()))
    home.tokens.delete(SESSION)
    with pytest.raises(SignInRequired, match="nobody is signed in"):
        home.ask(Portal())


@pytest.mark.parametrize(
    "answer, error, text",
    [
        (UnauthorizedException(), SignInRequired, "does not accept the sign-in any more: run `postern login --session"),
        (ForbiddenException(), CredentialsError, "role Admin of account 111122223333 is not assigned"),
        (TooManyRequestsException(), TooManyRequestsException, "Too many"),
        (GetRoleCredentialsResponse(), UnreadableResponse, "no credentials"),
        (
            GetRoleCredentialsResponse(role_credentials=Given(access_key_id="ASIA", secret_access_key="s")),
            UnreadableResponse,
            "no credentials",
        ),
    ],
)
def test_why_there_are_none_is_said(
    home: Home, answer: GetRoleCredentialsResponse | Exception, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        home.ask(Portal(answer))
    assert home.kept.load(KEY, TOKEN.access_token) is None


UNWELL = [ConnectionFailed("refused"), ServiceError("503", "", status=503), TooManyRequestsException()]


@pytest.mark.parametrize("failure", UNWELL, ids=["unreachable", "broken", "busy"])
def test_while_the_portal_is_unwell_the_last_minutes_are_used(
    home: Home, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    home.ask(Portal(given(1, 600)))
    assert home.ask(Portal(failure), now=NOW + 500).access_key_id == "ASIA1"
    assert "those that are kept are used" in caplog.text
    with pytest.raises(type(failure)):
        home.ask(Portal(failure), now=NOW + 500, min_ttl=100)
    with pytest.raises(type(failure)):
        home.ask(Portal(failure), now=NOW + 600)


@pytest.mark.parametrize("refusal", [UnauthorizedException(), ForbiddenException()])
def test_a_refusal_is_an_end_to_those_that_are_kept(home: Home, refusal: Exception) -> None:
    home.ask(Portal(given(1, 600)))
    with pytest.raises((SignInRequired, CredentialsError)):
        home.ask(Portal(refusal), now=NOW + 500)


def test_credentials_that_cannot_be_kept_are_used_all_the_same(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    Path(home.kept.folder).parent.joinpath("postern").write_text("a file where the folder should be")
    assert home.ask(Portal(given())).access_key_id == "ASIA1"


def test_of_many_who_ask_at_once_one_asks_the_portal(home: Home) -> None:
    portal, found = Portal(*(given(number) for number in range(1, 9))), []
    started = threading.Barrier(8)

    def ask() -> None:
        started.wait(10)
        found.append(home.ask(portal).access_key_id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == ["ASIA1"] * 8
    assert len(portal.requests) == 1
