"""`postern iam`: access keys and temporary credentials."""

import json
import os
import re
import shlex
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from postern.testing.processes import COMMAND
from tests.cli.keeping import Keeper

ROLE = "arn:aws:iam::111122223333:role/reports"


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_the_life_of_an_access_key(keeper: Keeper) -> None:
    made = keeper.json("iam", "add", "--principal", ROLE, "--description", "nightly")
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", made["access_key_id"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", made.pop("secret_access_key"))
    assert (made["principal_arn"], made["status"], made["description"]) == (ROLE, "Active", "nightly")
    assert keeper.json("iam", "list") == [made]
    key_id = made["access_key_id"]
    assert keeper.json("iam", "disable", key_id) == made | {"status": "Inactive"}
    assert keeper.json("iam", "list") == [made | {"status": "Inactive"}]
    assert keeper.json("iam", "enable", key_id) == made
    assert keeper.json("iam", "remove", key_id) == made
    assert keeper.json("iam", "list") == []


def test_users_and_roles_are_those_of_the_instance_s_account(keeper: Keeper) -> None:
    user = keeper.json("iam", "add", "--user", "reports")["principal_arn"]
    role = keeper.json("iam", "add", "--role", "reports")["principal_arn"]
    account = keeper.json("application", "add", "reports")["application_arn"].split(":")[4]
    assert user == f"arn:aws:iam::{account}:user/reports"
    assert role == f"arn:aws:iam::{account}:role/reports"


def test_a_secret_is_shown_once(keeper: Keeper) -> None:
    made = keeper("iam", "add", "--principal", ROLE)
    found = re.search(r"secret access key  (\S{40})\n", made)
    assert found is not None
    assert "shown this once" in made
    listed = keeper("iam", "list")
    assert found[1] not in listed
    assert ROLE in listed
    assert found[1].encode() not in (keeper.data / "postern.db").read_bytes()
    for command in ("disable", "enable", "remove"):
        assert found[1] not in keeper("iam", command, listed.splitlines()[1].split()[0])
    assert "iam add --user NAME" in keeper("iam", "list")


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["add", "--principal", "mira"], "the principal is not"),
        (["add", "--user", "not a name"], "the principal is not"),
        (["add", "--user", ""], "the principal is not"),
        (["add", "--role", ""], "the principal is not"),
        (["add", "--principal", ""], "the principal is not"),
        (["add", "--user", "reports", "--description", "two\nlines"], "description"),
        (["disable", "AKIAAAAAAAAAAAAAAAAA"], "no access key AKIAAAAAAAAAAAAAAAAA"),
        (["enable", "AKIAAAAAAAAAAAAAAAAA"], "no access key"),
        (["remove", "AKIAAAAAAAAAAAAAAAAA"], "no access key"),
        (["session", "AKIAAAAAAAAAAAAAAAAA"], "no access key"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refusal_is_exit_code_1(keeper: Keeper, arguments: list[str], reason: str) -> None:
    keeper.add_person("mira")
    assert reason in keeper("iam", *arguments, code=1)
    assert keeper.json("iam", "list") == []


def test_a_key_that_another_master_key_sealed_is_exit_code_3(keeper: Keeper) -> None:
    made = keeper.json("iam", "add", "--principal", ROLE)
    master = keeper.data / "master.key"
    sealed = master.read_bytes()
    master.unlink()
    assert "is not there" in keeper("iam", "add", "--user", "reports", code=3)
    assert not master.exists()
    master.write_bytes(sealed[:10] + sealed[11:12] + sealed[10:11] + sealed[12:])
    master.chmod(0o600)
    assert "master key" in keeper("iam", "add", "--user", "reports", code=3)
    assert "master key" in keeper("iam", "session", made["access_key_id"], code=3)


def test_a_secret_that_nobody_could_read_is_named_with_what_to_do(keeper: Keeper) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with Path("/dev/full").open("wb") as full:
        refusals = [_add_into(stdout, keeper.data) for stdout in (full.fileno(), writing)]
    os.close(writing)
    keys = sorted(key["access_key_id"] for key in keeper.json("iam", "list"))
    assert len(keys) == 2
    found = []
    for refusal, because in zip(refusals, ("No space left on device", "nobody reads it"), strict=True):
        said = re.fullmatch(
            rf"postern: standard output cannot be written to: {because}; the secret of (AKIA\w+) is lost: "
            r"remove it with `postern iam remove (AKIA\w+)`\n",
            refusal,
        )
        assert said is not None, refusal
        assert said[1] == said[2]
        found.append(said[1])
    assert sorted(found) == keys


def _add_into(stdout: int, data: Path) -> str:
    """What is said on standard error."""
    done = subprocess.run(
        [*COMMAND, "iam", "add", "--user", "reports", "--data", str(data)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


# Temporary credentials


def test_temporary_credentials_are_given_in_three_forms(keeper: Keeper) -> None:
    key_id = keeper.json("iam", "add", "--principal", ROLE)["access_key_id"]
    given = keeper.json("iam", "session", key_id)
    assert set(given) == {"access_key_id", "secret_access_key", "session_token", "expires_at"}
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", given["access_key_id"])
    assert abs(given["expires_at"] - time.time() - 3600) < 60
    assert set(json.loads(keeper("iam", "session", key_id, "--format", "json"))) == set(given)

    process = json.loads(keeper("iam", "session", key_id, "--format", "process", "--duration", "900"))
    assert set(process) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert process["Version"] == 1
    assert abs(datetime.fromisoformat(process["Expiration"]).timestamp() - time.time() - 900) < 60

    lines = keeper("iam", "session", key_id).splitlines()
    words = [shlex.split(line) for line in lines]
    assert [word.partition("=")[0] for _, word in words] == [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]
    assert {export for export, _ in words} == {"export"}


def test_a_role_can_be_assumed(keeper: Keeper) -> None:
    key_id = keeper.json("iam", "add", "--principal", "arn:aws:iam::111122223333:user/ci")["access_key_id"]
    keeper.json("iam", "session", key_id, "--role", ROLE, "--session-name", "nightly")
    keeper.json("iam", "session", key_id, "--role", ROLE)
    assert "the role is not" in keeper("iam", "session", key_id, "--role", "reports", code=1)
    assert "--role" in keeper("iam", "session", key_id, "--session-name", "nightly", code=2)


@pytest.mark.parametrize("seconds", ["0", "-5", "899", "43201"])
def test_a_session_lasts_15_minutes_to_the_longest_that_is_set(keeper: Keeper, seconds: str) -> None:
    key_id = keeper.json("iam", "add", "--principal", ROLE)["access_key_id"]
    assert "900 to 43200" in keeper("iam", "session", key_id, "--duration", seconds, code=2)


def test_an_inactive_key_gives_no_session(keeper: Keeper) -> None:
    key_id = keeper.json("iam", "add", "--principal", ROLE)["access_key_id"]
    keeper("iam", "disable", key_id)
    assert "inactive" in keeper("iam", "session", key_id, code=1)
