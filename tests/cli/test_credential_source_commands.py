"""`postern credential-source`."""

import io
import sys
from pathlib import Path

import pytest

from postern.core.directory.records import AssumeRoleSource, CredentialSource
from postern.core.keys import MasterKey
from postern.core.role_credentials.secrets import unseal_secret
from postern.core.store import Store
from postern.server.master_key import master_key_of
from postern.server.settings import load
from tests.cli.keeping import Keeper

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "a secret that is 40 characters long, or so"
WEB = ("--type", "web-identity", "--endpoint", "https://sts.example.org", "--audience", "sts.amazonaws.com")
ROLE = (
    *("--type", "assume-role", "--endpoint", "https://sts.example.org", "--region", "us-east-1"),
    *("--access-key-id", KEY_ID, "--secret-access-key-env", "LAB_SECRET"),
)
CONSOLE = ("--console-federation-endpoint", "https://signin.example.org/federation")


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setenv("LAB_SECRET", SECRET)
    return Keeper(tmp_path / "data", capsys)


def secret_of(keeper: Keeper, name: str) -> str:
    """As the server would use it."""
    settings = load(environment={}, overrides={"server.data": str(keeper.data)})

    async def look(store: Store) -> tuple[MasterKey, AssumeRoleSource]:
        (options,) = [each.options for each in await store.list_configuration(CredentialSource) if each.name == name]
        assert isinstance(options, AssumeRoleSource)
        return await master_key_of(settings, store), options

    master, options = keeper.ask(look)
    return unseal_secret(master, name, options.access_key_id, options.sealed_secret)


def test_a_web_identity_source_takes_every_option(keeper: Keeper) -> None:
    added = keeper.json(
        *("credential-source", "add", "store", *WEB, "--description", "the object store", "--region", "eu-1"),
        *("--token-profile", "minio", "--algorithm", "RS256", "--role-arn", "", "--source-identity", "{user_name}"),
        *("--policy", "{role_name}", "--policy", "all", "--session-tag", "team={groups}", "--session-tag", "a=b=c"),
        *("--transitive-tag", "team", "--allow-http", *CONSOLE, "--console-destination", "https://example.org/"),
    )
    created_at = added.pop("created_at")
    assert added == {
        "name": "store",
        "type": "web-identity",
        "description": "the object store",
        "endpoint": "https://sts.example.org",
        "audience": "sts.amazonaws.com",
        "region": "eu-1",
        "token_profile": "minio",
        "algorithm": "RS256",
        "role_arn": "",
        "policies": ["{role_name}", "all"],
        "session_tags": {"team": "{groups}", "a": "b=c"},
        "transitive_tag_keys": ["team"],
        "source_identity": "{user_name}",
        "allow_http": True,
        "console": {
            "federation_endpoint": "https://signin.example.org/federation",
            "destination": "https://example.org/",
        },
    }
    added["created_at"] = created_at
    assert keeper.json("credential-source", "show", "store") == added
    assert keeper.json("credential-source", "list") == [added]


def test_a_local_source_may_have_a_console(keeper: Keeper) -> None:
    added = keeper.json("credential-source", "add", "local", "--type", "local", *CONSOLE)
    assert added["console"]["federation_endpoint"] == CONSOLE[1]
    assert set(added) == {"name", "type", "description", "console", "created_at"}


def test_an_update_replaces_what_is_given(keeper: Keeper) -> None:
    tags = ("--session-tag", "team={groups}", "--transitive-tag", "team")
    added = keeper.json("credential-source", "add", "sts", *WEB, *tags, *CONSOLE, "--allow-http")
    destination = ("--console-destination", "https://example.org/")
    changed = keeper.json("credential-source", "update", "sts", "--audience", "other", *destination)
    console = added["console"] | {"destination": "https://example.org/"}
    assert changed == added | {"audience": "other", "console": console}
    empty = ("--session-tag", "", "--transitive-tag", "", "--no-allow-http", "--description", "x")
    none = ("--console-federation-endpoint", "", "--console-destination", "")
    emptied = keeper.json("credential-source", "update", "sts", *empty, *none)
    gone = {"session_tags": {}, "transitive_tag_keys": [], "allow_http": False, "console": None}
    assert emptied == changed | gone | {"description": "x"}


@pytest.mark.parametrize("how", ["env", "file", "stdin"])
def test_a_secret_comes_from_elsewhere_and_is_shown_nowhere(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SECRET}\n"))
    given = {
        "env": ("--secret-access-key-env", "LAB_SECRET"),
        "file": ("--secret-access-key-file", str(file)),
        "stdin": ("--secret-access-key-stdin",),
    }[how]
    said = keeper("credential-source", "add", "lab", *ROLE[:-2], *given)
    said += keeper("credential-source", "show", "lab") + keeper("credential-source", "list", "--json")
    assert SECRET not in said
    assert "secret_access_key    (hidden)" in said
    assert secret_of(keeper, "lab") == SECRET
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in keeper.data.iterdir() if file.is_file())


def test_another_access_key_comes_with_its_secret(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper("credential-source", "add", "lab", *ROLE)
    other = ("--access-key-id", "AKIAI44QH8DHBEXAMPLE")
    assert "its secret" in keeper("credential-source", "update", "lab", *other, code=2)
    keeper("credential-source", "update", "lab", "--external-id", "postern")
    assert secret_of(keeper, "lab") == SECRET
    monkeypatch.setenv("NEW_SECRET", "another secret")
    keeper("credential-source", "update", "lab", *other, "--secret-access-key-env", "NEW_SECRET")
    assert secret_of(keeper, "lab") == "another secret"
    keeper("credential-source", "update", "lab", "--secret-access-key-env", "LAB_SECRET")
    assert secret_of(keeper, "lab") == SECRET
    shown = keeper.json("credential-source", "show", "lab")
    assert (shown["access_key_id"], shown["external_id"]) == ("AKIAI44QH8DHBEXAMPLE", "postern")


@pytest.mark.parametrize("command", ["add", "update"])
@pytest.mark.parametrize("how", ["file", "stdin"])
@pytest.mark.parametrize("text", ["", "\n", "  \n"])
def test_an_empty_secret_is_refused_and_the_old_one_stays(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, how: str, text: str
) -> None:
    keeper("credential-source", "add", "lab", *ROLE)
    file = tmp_path / "secret"
    file.write_text(text)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    given = {"file": ("--secret-access-key-file", str(file)), "stdin": ("--secret-access-key-stdin",)}[how]
    arguments = {"add": ("add", "other", *ROLE[:-2]), "update": ("update", "lab")}[command]
    assert "the secret is empty" in keeper("credential-source", *arguments, *given, code=2)
    assert [each["name"] for each in keeper.json("credential-source", "list")] == ["lab"]
    assert secret_of(keeper, "lab") == SECRET


def test_its_commands_speak_to_people(keeper: Keeper) -> None:
    keeper("user", "add", "mira", "--no-password")
    assert keeper("credential-source", "list").startswith("no credential source yet")
    assert keeper("credential-source", "add", "sts", *WEB, "--description", "AWS") == "added credential source sts\n"
    listed = keeper("credential-source", "list").splitlines()
    assert listed[1].split() == ["sts", "web-identity", "https://sts.example.org", "AWS"]
    shown = keeper("credential-source", "show", "sts").splitlines()
    assert "type                 web-identity" in shown
    assert "region               -" in shown
    assert "console              -" in shown
    assert keeper("credential-source", "update", "sts", "--region", "x") == "changed credential source sts\n"
    assert keeper("credential-source", "remove", "sts") == "removed credential source sts\n"
    assert keeper.json("credential-source", "list") == []


def test_one_that_is_used_is_not_removed(keeper: Keeper) -> None:
    keeper("credential-source", "add", "sts", *WEB)
    keeper("account", "add", "111122223333", "--name", "Production", "--credential-source", "sts")
    assert "credential source sts is in use" in keeper("credential-source", "remove", "sts", code=1)
    keeper("account", "update", "Production", "--credential-source", "")
    keeper("credential-source", "remove", "sts")


@pytest.mark.parametrize(
    "arguments, code, reason",
    [
        (["add", "sts", *WEB], 1, "there is a credential source sts already"),
        (["add", "a b", *WEB], 1, "1 to 64"),
        (["add", "local", *WEB], 1, "the name local"),
        (["add", "x", "--type", "web-identity", "--audience", "x"], 2, "needs --endpoint"),
        (["add", "x", *WEB, "--external-id", "y"], 2, "--external-id is not for the type web-identity"),
        (["add", "x", *ROLE, "--policy", "y"], 2, "--policy is not for the type assume-role"),
        (["add", "x", "--type", "local", "--session-tag", "a=b"], 2, "--session-tag is not for the type local"),
        (["add", "x", *WEB, "--secret-access-key-env", "LAB_SECRET"], 2, "--secret-access-key-env is not for"),
        (["add", "x", *WEB, "--session-tag", "team"], 2, "write KEY=VALUE"),
        (["add", "x", *WEB, "--token-profile", "nothing"], 1, "the token profiles are"),
        (["add", "x", *WEB, "--role-arn", "arn:{nothing}"], 1, "{nothing}"),
        (["add", "x", *ROLE[:-2]], 2, "its secret"),
        (["add", "x", *ROLE[:-4]], 2, "--access-key-id"),
        (["add", "x", *ROLE[:-1], "NOT_THERE"], 2, "the variable NOT_THERE is not set"),
        (["add", "x", *ROLE[:-2], "--secret-access-key-file", "/nowhere"], 2, "No such file"),
        (["update", "sts", "--endpoint", "http://sts.example.org"], 1, "https URL"),
        (["update", "sts", "--access-key-id", KEY_ID], 2, "is not for the type web-identity"),
        (["update", "nothing", "--region", "x"], 1, "no credential source 'nothing'"),
        (["show", "nothing"], 1, "no credential source 'nothing'"),
        (["remove", "nothing"], 1, "no credential source 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_changes_nothing(keeper: Keeper, arguments: list[str], code: int, reason: str) -> None:
    keeper("credential-source", "add", "sts", *WEB)
    before = keeper.json("credential-source", "list")
    said = keeper("credential-source", *arguments, code=code)
    assert reason in said
    assert SECRET not in said
    assert keeper.json("credential-source", "list") == before


def test_a_secret_is_never_an_argument(keeper: Keeper, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        keeper("credential-source", "add", "lab", *ROLE[:-2], "--secret-access-key", SECRET)
    assert leaving.value.code == 2
    capsys.readouterr()
