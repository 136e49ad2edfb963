"""What the audit log says was ended is ended again in a store that was restored; other lines change nothing."""

import json

import pytest

from postern.core.audit import EventName
from postern.core.ended_since import Endings, end_again, endings
from postern.stores.memory import MemoryStore
from postern.testing import samples
from postern.testing.conformance.suite import require_family, sign_in

NOW = samples.NOW


def line(**members: object) -> str:
    event = {"event_name": "Logout", "event_time": NOW, "user_id": "mira", "client_digest": "00" * 32} | members
    kept = {name: value for name, value in event.items() if value is not None}
    return json.dumps({"time": "x", "level": "info", "logger": "postern.audit", "message": "x", "audit": kept})


@pytest.mark.parametrize("name", [EventName.LOGOUT, EventName.PASSWORD_CHANGED, EventName.REVOKE_TOKEN_WITH_IAM])
def test_who_ended_something_is_found(name: EventName) -> None:
    assert endings([line(event_name=name)], NOW).user_ids == {"mira"}
    assert endings([line(event_name=name, outcome="Failure")], NOW).events == 0


@pytest.mark.parametrize("name", [EventName.REFRESH_TOKEN_REUSE, EventName.CODE_REUSE])
def test_what_was_stolen_from_is_found_by_its_client(name: EventName) -> None:
    found = endings([line(event_name=name, outcome="Failure", user_id=None)], NOW)
    assert found == Endings(frozenset(), frozenset({bytes(32)}), 1)


@pytest.mark.parametrize(
    "other",
    [
        line(event_time=NOW - 1),
        line(event_name="SignOut"),
        line(event_name="CreateToken"),
        line(event_name="NoSuchEvent"),
        line(client_digest=7),
        line()[:-1],
        '{"audit": null}',
        '{"message": "audit"}',
        "[]",
        "",
        "\ud800",
    ],
)
def test_whatever_else_is_in_the_log_is_passed_over(other: str) -> None:
    found = endings([other, line(user_id="zoe"), other], NOW)
    assert found == Endings(frozenset({"zoe"}), frozenset(), 1)


async def test_their_sign_ins_are_ended_and_no_others() -> None:
    store, mira, zoe = MemoryStore(), samples.user("mira"), samples.user("zoe")
    for person in (mira, zoe):
        await store.create_user(person)
    hers, stolen, other = (
        await sign_in(store, mira),
        await sign_in(store, zoe, client_digest=samples.OTHER_CLIENT),
        await sign_in(store, zoe),
    )
    ended = Endings(frozenset({mira.user_id, "nobody"}), frozenset({samples.OTHER_CLIENT}), 2)
    assert await end_again(store, ended, NOW + 1) == 2
    assert [(await require_family(store, each)).is_live(NOW + 1) for each in (hers, stolen, other)] == [
        False,
        False,
        True,
    ]
