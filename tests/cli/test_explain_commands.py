"""`postern explain`: tokens in files and on standard input, and the role of a person before it is asked for."""

import asyncio
import io
import json
import time
from pathlib import Path

import pytest

from postern.cli import main
from postern.core.role_credentials import sources
from postern.core.role_credentials.web_identity import write_token
from postern.core.service import open_service
from postern.server.master_key import master_key_of
from postern.server.password_hashing import ThreadedHasher
from postern.server.settings import load
from postern.stores import open_store
from tests.cli.keeping import Keeper

ISSUER = "https://sso.example.org"
ACCOUNT_ID = "111122223333"
STS = ("--type", "web-identity", "--endpoint", "https://sts.example.org", "--audience", "sts.amazonaws.com")
TRUST = {
    "Statement": {
        "Sid": "People",
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/sso.example.org"},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Condition": {
            "StringEquals": {"sso.example.org:aud": "sts.amazonaws.com", "aws:RequestTag/team": "analysts"},
            "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
        },
    }
}


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """With somebody who is ReadOnly in an account whose credentials come from an STS."""
    monkeypatch.setenv("POSTERN_SERVER__PUBLIC_URL", ISSUER)
    keeper = Keeper(tmp_path / "data", capsys)
    keeper.add_person("mira")
    keeper("group", "add", "analysts")
    keeper("group", "join", "analysts", "mira")
    keeper("account", "add", ACCOUNT_ID, "--name", "Lab")
    keeper("credential-source", "add", "aws", *STS, "--session-tag", "team={groups}")
    keeper("permission-set", "add", "ReadOnly", "--credential-source", "aws")
    keeper("permission-set", "add", "Admin")
    keeper("assign", ACCOUNT_ID, "ReadOnly", "--user", "mira")
    return keeper


@pytest.fixture
def token(keeper: Keeper) -> str:
    """What the STS would be sent for that role."""

    async def write() -> str:
        settings = load(None, overrides={"server.data": str(keeper.data)})
        store = open_store(settings.store_url)
        try:
            service = await open_service(
                store=store,
                clock=time.time,
                policy=settings.policy,
                master=await master_key_of(settings, store),
                passwords=ThreadedHasher(),
                record=lambda event: None,
            )
            (user,) = await store.list_users()
            role = await store.find_assigned_role(user.user_id, ACCOUNT_ID, "ReadOnly")
            assert role is not None
            source = sources.source_of(service, role)
            assert source is not None
            return await write_token(service, user, role, source)
        finally:
            await store.close()

    return asyncio.run(write())


def said(keeper: Keeper, capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """What a command says that ends with ``code``, without complaining."""
    assert main([*arguments, "--data", str(keeper.data)]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_token_is_read_from_a_file(keeper: Keeper, token: str, tmp_path: Path) -> None:
    file = tmp_path / "token.jwt"
    file.write_text(f"{token}\n")
    text = keeper("explain", "token", str(file))
    assert "verified: signature and times are good" in text
    assert f"iss                   {ISSUER}" in text
    assert "aws       yes" in text
    assert "x5c: the published key must have a certificate" in text
    assert token not in text


@pytest.mark.parametrize("file", [(), ("-",)], ids=["no file", "a hyphen"])
def test_a_token_is_read_from_standard_input(
    keeper: Keeper, token: str, monkeypatch: pytest.MonkeyPatch, file: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
    found = keeper.json("explain", "token", *file)
    assert found["header"]["alg"] == "ES256"
    assert found["claims"]["https://aws.amazon.com/tags"] == {"principal_tags": {"team": ["analysts"]}}
    assert found["faults"] == []
    assert {each["name"]: each["accepts"] for each in found["profiles"]} == {
        "aws": True,
        "ceph": False,
        "minio": False,
        "rustfs": False,
        "seaweedfs": True,
        "plain": True,
    }


def test_a_person_is_asked_for_a_token_which_is_not_shown(
    keeper: Keeper, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postern.cli.explain.is_interactive", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: token)
    assert keeper.json("explain", "token")["claims"]["aud"] == "sts.amazonaws.com"


def test_one_profile_alone_decides_the_exit_code(
    keeper: Keeper, token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.jwt"
    file.write_text(token)
    assert "ceph" not in keeper("explain", "token", str(file), "--profile", "aws")
    text = said(keeper, capsys, 1, "explain", "token", str(file), "--profile", "ceph")
    assert "ceph      no" in text
    assert "aws " not in text


def test_a_changed_token_is_exit_code_1(
    keeper: Keeper, token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.jwt"
    file.write_text(token[:-8] + "AAAAAAAA")
    text = said(keeper, capsys, 1, "explain", "token", str(file))
    assert "signature: it is not the signature of the key that is named" in text


@pytest.mark.parametrize(
    "text, code, why", [("no token", 1, "three parts"), ("a.b.c.d.e", 1, "encrypted"), (None, 2, "No such file")]
)
def test_what_is_no_token_is_refused(keeper: Keeper, tmp_path: Path, text: str | None, code: int, why: str) -> None:
    file = tmp_path / "token.jwt"
    if text is not None:
        file.write_text(text)
    assert why in keeper("explain", "token", str(file), code=code)


def test_what_is_in_a_token_cannot_move_the_cursor(
    keeper: Keeper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.jwt"
    file.write_text("eyJhbGciOiJub25lIn0.eyJzdWIiOiJcdTAwMWJbMkoifQ.c2ln")  # sub is ESC [2J
    text = said(keeper, capsys, 1, "explain", "token", str(file))
    assert "[2J" in text
    assert "\x1b" not in text


def test_a_role_is_explained_with_its_trust_policy(
    keeper: Keeper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(TRUST))
    role = ("explain", "role", "Lab", "ReadOnly", "--user", "mira")
    text = keeper(*role, "--trust-policy", str(file))
    assert "sts:AssumeRoleWithWebIdentity: unknown" in text
    assert "People (Allow): may apply" in text
    assert "yes        StringEquals aws:RequestTag/team = analysts; the call has analysts" in text
    assert "unknown    IpAddress aws:SourceIp = 192.0.2.0/24; not known here" in text
    keeper("group", "leave", "analysts", "mira")
    text = said(keeper, capsys, 1, *role, "--trust-policy", str(file))
    assert "People (Allow): does not apply" in text


def test_a_role_in_json_has_all_profiles(keeper: Keeper) -> None:
    found = keeper.json("explain", "role", ACCOUNT_ID, "ReadOnly", "--user", "mira")
    assert (found["source"], found["type"]) == ("aws", "web-identity")
    assert found["call"]["role_arn"] == f"arn:aws:iam::{ACCOUNT_ID}:role/ReadOnly"
    assert found["claims"]["iss"] == ISSUER
    assert found["profiles"][0] == {"name": "aws", "accepts": True, "findings": []}
    assert len(found["profiles"]) == 6
    assert found["trust_policy"] is None


def test_what_the_consumer_would_refuse_is_exit_code_1(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTERN_SERVER__PUBLIC_URL", f"{ISSUER}:8443")
    text = said(keeper, capsys, 1, "explain", "role", "Lab", "ReadOnly", "--user", "mira")
    assert "iss: the issuer must have no port" in text
    assert "minio     yes" in keeper("explain", "role", "Lab", "ReadOnly", "--user", "mira", "--profile", "minio")


def test_the_local_source_asks_nobody(keeper: Keeper) -> None:
    keeper("assign", ACCOUNT_ID, "Admin", "--user", "mira")
    text = keeper("explain", "role", "Lab", "Admin", "--user", "mira")
    assert text.startswith("source local (local)\n")
    assert "AWSReservedSSO_Admin" in text


@pytest.mark.parametrize(
    "arguments, code, why",
    [
        (("Lab", "Admin", "--user", "mira"), 1, "mira is not Admin in 111122223333"),
        (("Lab", "Nothing", "--user", "mira"), 1, "mira is not Nothing"),
        (("Lab", "ReadOnly", "--user", "nobody"), 1, "there is no user"),
        (("Nowhere", "ReadOnly", "--user", "mira"), 1, "there is no account"),
        (("Lab", "ReadOnly", "--user", "mira", "--instance", "other"), 1, "there is no instance"),
        (("Lab", "ReadOnly", "--user", "mira", "--trust-policy", "/nonexistent"), 2, "No such file"),
        (("Lab", "ReadOnly", "--user", "mira", "--trust-policy", "/dev/null"), 1, "not JSON"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_refusal_is_one_line(keeper: Keeper, arguments: tuple[str, ...], code: int, why: str) -> None:
    assert why in keeper("explain", "role", *arguments, code=code)


def test_the_profiles_of_the_command_line_are_those_of_the_core() -> None:
    from postern.cli import explain_commands
    from postern.cli.parser import Parser
    from postern.core.role_credentials.token_profiles import PROFILES

    parser = Parser(prog="explain", declare=lambda parser: explain_commands._profile(parser, ""))
    (action,) = (each for each in parser.declared()._actions if each.dest == "profile")
    assert tuple(action.choices or ()) == tuple(PROFILES)
