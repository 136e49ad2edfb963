"""`postern session`: who is signed in, and an end to it on every node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.core.clients import client_digest
from postern.core.store import Store
from postern.testing import samples
from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, run_command
from postern.testing.wire import Connection, PersonAtBrowser, WireClient
from tests.cli.keeping import Keeper

PASSWORD = "correct horse battery"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    keeper = Keeper(tmp_path / "data", capsys)
    for name in ("mira", "noor"):
        keeper("user", "add", name, "--no-password")
    return keeper


def ids(keeper: Keeper, *arguments: str) -> list[str]:
    return [each["id"] for each in keeper.json("session", *arguments)]


def test_sign_ins_are_listed_newest_first(keeper: Keeper) -> None:
    assert keeper("session", "list") == "nobody is signed in\n"
    first = keeper.sign_in("mira", "client 1", "aws cli")
    second = keeper.sign_in("noor", "client 2")
    newest, oldest = keeper.json("session", "list")
    assert oldest == {
        "id": f"{first.family_id:016x}",
        "instance_id": keeper.json("instance", "list")[0]["instance_id"],
        "user_id": first.user_id,
        "user_name": "mira",
        "client_name": "aws cli",
        "client_digest": client_digest("client 1").hex(),
        "application_arn": None,
        "grant_type": first.grant_type,
        "scopes": list(first.scopes),
        "created_at": first.created_at,
        "rotated_at": first.rotated_at,
        "expires_at": first.idle_expires_at,
    }
    assert newest["id"] == f"{second.family_id:016x}"
    lines = keeper("session", "list").splitlines()
    assert lines[0].split() == ["ID", "WHO", "CLIENT", "SINCE", "UNTIL", "SCOPES"]
    assert lines[2].startswith(f"{oldest['id']}  mira  aws cli")
    assert lines[2].endswith(" ".join(first.scopes))


def test_they_are_found_by_person_client_and_instance(keeper: Keeper) -> None:
    keeper("instance", "add", "lab")
    keeper("user", "add", "mira", "--no-password", "--instance", "lab")
    one, two, three = (
        f"{keeper.sign_in(*each).family_id:016x}"
        for each in (("mira", "client 1", "aws cli"), ("noor", "client 2", "aws cli"), ("mira", "client 3", "other"))
    )
    assert ids(keeper, "list", "--user", "MIRA") == [three, one]
    assert ids(keeper, "list", "--client", "client 2") == [two]
    assert ids(keeper, "list", "--client", "aws cli") == [two, one]
    assert ids(keeper, "list", "--client", "nothing") == []
    assert ids(keeper, "list", "--instance", "primary") == [three, two, one]
    assert ids(keeper, "list", "--instance", "lab") == []
    assert ids(keeper, "list", "--user", "mira", "--instance", "lab") == []


def test_one_sign_in_ends_and_the_others_live(keeper: Keeper) -> None:
    first, second = keeper.sign_in("mira"), keeper.sign_in("mira")
    id_ = f"{first.family_id:016x}"
    (ended,) = keeper.json("session", "revoke", id_)
    assert (ended["id"], ended["user_name"]) == (id_, "mira")
    assert ids(keeper, "list") == [f"{second.family_id:016x}"]
    gone = keeper.ask(lambda store: store.find_token_family(first.family_id))
    assert gone is not None
    assert gone.revocation_reason == "ended by an administrator"
    assert "no such sign-in" in keeper("session", "revoke", id_, code=1)


def test_all_of_a_person_ends_in_browsers_too(keeper: Keeper) -> None:
    family, other = keeper.sign_in("mira"), keeper.sign_in("noor")
    keeper.sign_in("mira")

    async def open_browser(store: Store) -> bytes:
        mira = await store.find_user(family.user_id)
        assert mira is not None
        session = samples.browser_session(mira, expires_at=family.expires_at)
        await store.create_browser_session(session, None)
        return session.session_digest

    session_digest = keeper.ask(open_browser)
    said = keeper("session", "revoke", "--user", "MIRA")
    assert said == "2 sign-ins ended, and MIRA is signed out in every browser\n"
    assert keeper.ask(lambda store: store.find_browser_session(session_digest)) is None
    assert ids(keeper, "list") == [f"{other.family_id:016x}"]
    assert keeper.json("session", "revoke", "--user", "mira") == []


@pytest.mark.parametrize("client, ended", [("client 1", [0]), ("aws cli", [1, 0]), ("other", [2])])
def test_all_of_a_client_ends_by_id_or_name(keeper: Keeper, client: str, ended: list[int]) -> None:
    made = [
        f"{keeper.sign_in(*each).family_id:016x}"
        for each in (("mira", "client 1", "aws cli"), ("noor", "client 2", "aws cli"), ("mira", "client 3", "other"))
    ]
    assert ids(keeper, "revoke", "--client", client) == [made[number] for number in ended]
    assert ids(keeper, "list") == [made[number] for number in (2, 1, 0) if number not in ended]


@pytest.mark.parametrize(
    "arguments, code, reason",
    [
        (["revoke"], 2, "give one of ID, --user and --client"),
        (["revoke", "0000000000000001", "--user", "mira"], 2, "give one of"),
        (["revoke", "--client", "x", "--user", "mira"], 2, "give one of"),
        (["revoke", "0000000000000001"], 1, "no such sign-in"),
        (["revoke", "ffffffffffffffff"], 1, "no such sign-in"),
        (["revoke", "nonsense"], 1, "no such sign-in"),
        (["revoke", ""], 1, "no such sign-in"),
        (["revoke", "--client", "nothing"], 1, "no such sign-in"),
        (["revoke", "--user", "nobody"], 1, "no user 'nobody'"),
        (["list", "--user", "nobody"], 1, "no user 'nobody'"),
        (["list", "--instance", "nothing"], 1, "no instance 'nothing'"),
        (["revoke", "--user", "mira", "--instance", "nothing"], 1, "no instance 'nothing'"),
        (["revoke", "--client", "aws cli", "--instance", "lab"], 2, "--instance says of which person"),
        (["revoke", "0000000000000001", "--instance", "lab"], 2, "--instance says of which person"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_ends_nothing(keeper: Keeper, arguments: list[str], code: int, reason: str) -> None:
    family = keeper.sign_in("mira")
    assert reason in keeper("session", *arguments, code=code)
    assert ids(keeper, "list") == [f"{family.family_id:016x}"]


def test_a_name_that_moves_a_cursor_is_not_printed_as_it_is(keeper: Keeper) -> None:
    keeper.sign_in("mira", client_name="\x1b[2Jtool")
    assert "\x1b" not in keeper("session", "list")


# With a server running


@pytest.fixture
def server(keeper: Keeper) -> Iterator[ServerProcess]:
    """Two workers on the same store."""
    run_command("user", "password", "mira", "--password-stdin", "--data", str(keeper.data), stdin=f"{PASSWORD}\n")
    keeper("account", "add", "111122223333", "--name", "Production")
    keeper("permission-set", "add", "Admin")
    keeper("assign", "Production", "Admin", "--user", "mira")
    server = ServerProcess(keeper.data, "--workers", "2", settings=WITHOUT_LIMITS)
    yield server
    server.stop()


def answers(server: ServerProcess, access_token: str) -> set[int]:
    """Of the portal, on so many connections that every worker is asked."""
    statuses = set()
    for _ in range(24):
        connection = Connection(server.port)
        headers = {"x-amz-sso_bearer_token": access_token}
        statuses.add(connection.send("GET", "/assignment/accounts", headers=headers).status)
        connection.close()
    return statuses


@pytest.mark.parametrize("how", ["id", "user", "client"])
def test_an_end_holds_at_once_on_every_worker(keeper: Keeper, server: ServerProcess, how: str) -> None:
    connection = Connection(server.port)
    client = WireClient(connection, keeper.json("instance", "list")[0]["aws_start_url"], clientName="a tool")
    started = client.start()
    assert PersonAtBrowser(connection, "mira", PASSWORD).decide(started["userCode"])
    tokens = client.redeem(started["deviceCode"]).members
    assert answers(server, tokens["accessToken"]) == {200}
    (id_,) = ids(keeper, "list")
    which = {"id": (id_,), "user": ("--user", "mira"), "client": ("--client", client.credentials["clientId"])}[how]
    assert ids(keeper, "revoke", *which) == [id_]
    assert answers(server, tokens["accessToken"]) == {401}
    assert client.refresh(tokens["refreshToken"]).error == "InvalidGrantException"
    connection.close()
