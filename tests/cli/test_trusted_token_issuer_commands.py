"""`postern trusted-token-issuer`."""

from pathlib import Path

import pytest

from tests.cli.keeping import Keeper

OF_CORP = (
    "--issuer-url",
    "https://login.example.org/v2.0",
    "--claim",
    "email",
    "--attribute",
    "emails.value",
)


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_the_life_of_a_trusted_token_issuer(keeper: Keeper) -> None:
    issuer = keeper.json("trusted-token-issuer", "add", "corp", *OF_CORP)
    assert {name: issuer[name] for name in issuer if name not in ("trusted_token_issuer_arn", "created_at")} == {
        "name": "corp",
        "issuer_url": "https://login.example.org/v2.0",
        "claim_attribute_path": "email",
        "identity_store_attribute_path": "emails.value",
        "algorithms": ["RS256", "ES256"],
        "status": "ENABLED",
    }
    arn = issuer["trusted_token_issuer_arn"]
    assert keeper.json("trusted-token-issuer", "list") == [issuer]
    assert keeper.json("trusted-token-issuer", "disable", "corp") == issuer | {"status": "DISABLED"}
    assert keeper.json("trusted-token-issuer", "show", arn) == issuer | {"status": "DISABLED"}
    assert keeper.json("trusted-token-issuer", "enable", arn) == issuer
    assert keeper.json("trusted-token-issuer", "remove", "corp") == issuer
    assert keeper.json("trusted-token-issuer", "list") == []


def test_its_commands_speak_to_people(keeper: Keeper) -> None:
    added = keeper("trusted-token-issuer", "add", "corp", *OF_CORP, "--algorithm", "PS256", "--algorithm", "EdDSA")
    arn = added.split()[-1]
    assert added == f"added corp: {arn}\n"
    shown = keeper("trusted-token-issuer", "show", "corp")
    assert "email = emails.value" in shown
    assert "PS256, EdDSA" in shown
    listed = keeper("trusted-token-issuer", "list").splitlines()
    assert listed[1].split()[:3] == ["corp", "ENABLED", "https://login.example.org/v2.0"]
    assert "are refused" in keeper("trusted-token-issuer", "disable", "corp")
    assert keeper("trusted-token-issuer", "enable", "corp") == "enabled corp\n"
    assert keeper("trusted-token-issuer", "remove", "corp") == "removed corp\n"
    assert "trusted-token-issuer add NAME" in keeper("trusted-token-issuer", "list")


def test_an_issuer_that_an_application_trusts_is_not_removed(keeper: Keeper) -> None:
    keeper("trusted-token-issuer", "add", "corp", *OF_CORP)
    keeper("application", "add", "reports", "--trust", "corp=api://reports")
    assert "trusted by reports" in keeper("trusted-token-issuer", "remove", "corp", code=1)
    keeper("application", "update", "reports", "--remove-grant", "jwt_bearer")
    keeper("trusted-token-issuer", "remove", "corp")


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "corp", *OF_CORP],
        ["add", "no space", *OF_CORP],
        ["add", "new", *OF_CORP, "--issuer-url", "ftp://login.example.org"],
        ["add", "new", *OF_CORP, "--attribute", "shoeSize"],
        ["add", "new", *OF_CORP, "--algorithm", "HS256"],
        ["add", "new", *OF_CORP, "--algorithm", "none"],
        ["show", "nothing"],
        ["enable", "nothing"],
        ["remove", "nothing"],
    ],
    ids=lambda arguments: " ".join([*arguments[:2], *arguments[8:]]),
)
def test_a_refusal_is_exit_code_1(keeper: Keeper, arguments: list[str]) -> None:
    keeper("trusted-token-issuer", "add", "corp", *OF_CORP)
    keeper("trusted-token-issuer", *arguments, code=1)
    assert [issuer["name"] for issuer in keeper.json("trusted-token-issuer", "list")] == ["corp"]
