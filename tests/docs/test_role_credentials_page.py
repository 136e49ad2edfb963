"""docs/role-credentials.md: its commands run, its TOML declares the same, and what it configures would be accepted."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from postern.core.role_credentials.token_profiles import PROFILES
from tests.cli.keeping import Keeper

PAGE = (Path(__file__).parents[2] / "docs" / "role-credentials.md").read_text()
ISSUER = "https://sso.example.org"
ACCOUNT_ID = "111122223333"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> dict[str, list[str]]:
    """Those that add a source, by its name."""
    lines = "".join(blocks("console")).replace("\\\n", " ").splitlines()
    found = [shlex.split(line.removeprefix("$ postern ")) for line in lines if line.startswith("$ postern ")]
    return {words[2]: words for words in found}


DECLARED = {re.findall(r'name = "(.*)"', block)[0]: block for block in blocks("toml")}
TRUST_POLICIES = dict(zip(("aws", "ceph"), blocks("json"), strict=True))


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setenv("POSTERN_SERVER__PUBLIC_URL", ISSUER)
    monkeypatch.setenv("LAB_SECRET", "a secret access key")
    keeper = Keeper(tmp_path / "data", capsys)
    keeper.add_person("mira")
    keeper("group", "add", "readonly")
    keeper("group", "join", "readonly", "mira")
    keeper("account", "add", ACCOUNT_ID, "--name", "Lab")
    return keeper


def test_each_recipe_is_there_as_a_command_and_as_toml() -> None:
    assert list(commands()) == list(DECLARED) == ["aws", "ceph", "store", "rustfs", "weed", "lab"]


@pytest.mark.parametrize("name", DECLARED)
def test_command_and_toml_are_the_same(keeper: Keeper, tmp_path: Path, name: str) -> None:
    keeper(*commands()[name])
    by_command = keeper.json("credential-source", "show", name)
    keeper("credential-source", "remove", name)
    file = tmp_path / "directory.toml"
    file.write_text(DECLARED[name])
    keeper("apply", str(file))
    assert keeper.json("credential-source", "show", name) | {"created_at": by_command["created_at"]} == by_command


@pytest.mark.parametrize("name", DECLARED)
def test_what_it_makes_its_consumer_would_take(keeper: Keeper, tmp_path: Path, name: str) -> None:
    keeper(*commands()[name])
    keeper("permission-set", "add", "ReadOnly", "--credential-source", name)
    keeper("assign", ACCOUNT_ID, "ReadOnly", "--user", "mira")
    trust_policy: tuple[str, ...] = ()
    if name in TRUST_POLICIES:
        file = tmp_path / "trust.json"
        file.write_text(TRUST_POLICIES[name])
        trust_policy = ("--trust-policy", str(file))
    found: dict[str, Any] = keeper.json("explain", "role", ACCOUNT_ID, "ReadOnly", "--user", "mira", *trust_policy)
    assert found["faults"] == []
    assert [each["findings"] for each in found["profiles"][:1]] in ([], [[]])
    if trust_policy:
        assert set(found["trust_policy"]["allowed"].values()) == {"yes"}


def test_the_table_of_profiles_is_that_of_the_code() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| `")]
    listed = {row[0].strip("`"): row for row in rows if len(row) == 7}
    assert list(listed) == list(PROFILES)
    words = {"preferred_username": "user name", "name": "name", "email": "e-mail", "groups": "groups"}
    for name, profile in PROFILES.items():
        _, signature, personal, tags, identity, policy, longest = listed[name]
        assert signature == ", or ".join(profile.algorithms)
        assert personal == (", ".join(words[claim] for claim in profile.personal_claims) or "nothing")
        assert bool(tags) is (profile.write_tags is not None)
        assert (bool(identity), bool(policy)) == (profile.has_source_identity, profile.has_policies)
        assert longest == f"{profile.max_length:,}"


def test_its_trust_policies_are_json() -> None:
    for text in TRUST_POLICIES.values():
        assert json.loads(text)["Version"] == "2012-10-17"
