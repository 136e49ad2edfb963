"""`postern application`."""

import json
from pathlib import Path

import pytest

from tests.cli.keeping import Keeper

PRINCIPAL = "arn:aws:iam::111122223333:user/reports"
CALLBACK = "http://127.0.0.1:8080/callback"
CORP = ["--issuer-url", "https://login.example.org", "--claim", "email", "--attribute", "emails.value"]


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keeper:
    return Keeper(tmp_path / "data", capsys)


def test_an_application_with_everything(keeper: Keeper) -> None:
    issuer = keeper.json("trusted-token-issuer", "add", "corp", *CORP)["trusted_token_issuer_arn"]
    lake = keeper.json("application", "add", "lake", "--token-exchange", "--accept-scope", "s3:access_grants")
    assert lake["grants"] == {"token_exchange": {"accepted_scopes": ["s3:access_grants"]}}
    assert lake["actor_policy"] is None
    reports = keeper.json(
        *("application", "add", "reports", "--description", "monthly", "--refresh-token", "--token-exchange"),
        *("--redirect-uri", CALLBACK, "--redirect-uri", "https://reports.example.org/callback", "--no-pkce"),
        *("--trust", "corp=api://reports,api://other", "--trust", f"{issuer}=api://third"),
        *("--scope", "redshift:connect", "--scope", f"s3:access_grants=lake,{lake['application_arn']}"),
        *("--principal", PRINCIPAL, "--assignment-required", "no"),
    )
    assert reports["grants"] == {
        "authorization_code": {
            "redirect_uris": [CALLBACK, "https://reports.example.org/callback"],
            "pkce_required": False,
        },
        "refresh_token": {},
        "jwt_bearer": {
            "authorized_token_issuers": [
                {
                    "trusted_token_issuer_arn": issuer,
                    "authorized_audiences": ["api://reports", "api://other", "api://third"],
                }
            ]
        },
        "token_exchange": {},
    }
    assert reports["access_scopes"] == [
        {"scope": "redshift:connect"},
        {"scope": "s3:access_grants", "authorized_targets": [lake["application_arn"]]},
    ]
    assert (reports["description"], reports["status"], reports["assignment_required"]) == ("monthly", "ENABLED", False)
    assert PRINCIPAL in json.dumps(reports["actor_policy"])
    assert keeper.json("application", "list") == [lake, reports]
    assert keeper.json("application", "show", reports["application_arn"]) == reports


def test_an_update_replaces_what_is_given_and_leaves_the_rest(keeper: Keeper) -> None:
    before = keeper.json(
        *("application", "add", "reports", "--description", "monthly", "--redirect-uri", CALLBACK),
        *("--scope", "redshift:connect", "--principal", PRINCIPAL, "--refresh-token"),
    )
    assert keeper.json("application", "update", "reports") == before
    after = keeper.json("application", "update", before["application_arn"], "--no-pkce", "--scope", "q:use")
    code = {"redirect_uris": [CALLBACK], "pkce_required": False}
    assert after == before | {
        "grants": {"authorization_code": code, "refresh_token": {}},
        "access_scopes": [{"scope": "q:use"}],
    }
    assert keeper.json("application", "update", "reports", "--pkce")["grants"] == before["grants"]
    emptied = keeper.json("application", "update", "reports", "--scope", "", "--principal", "", "--description", "")
    assert (emptied["access_scopes"], emptied["actor_policy"], emptied["description"]) == ([], None, "")
    without = ("--remove-grant", "refresh_token", "--remove-grant", "authorization_code")
    assert keeper.json("application", "update", "reports", *without)["grants"] == {}


@pytest.mark.parametrize(
    "grant, given",
    [
        ("authorization_code", ["--redirect-uri", CALLBACK]),
        ("authorization_code", ["--pkce"]),
        ("authorization_code", ["--no-pkce"]),
        ("refresh_token", ["--refresh-token"]),
        ("jwt_bearer", ["--trust", "corp=api://reports"]),
        ("token_exchange", ["--token-exchange"]),
        ("token_exchange", ["--accept-scope", "q:use"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_grant_is_not_set_up_and_removed_at_once(keeper: Keeper, grant: str, given: list[str]) -> None:
    before = keeper.json("application", "add", "reports", "--redirect-uri", CALLBACK, "--token-exchange")
    said = keeper("application", "update", "reports", "--remove-grant", grant, *given, code=2)
    assert f"and --remove-grant {grant}: give one of them" in said
    assert keeper.json("application", "list") == [before]


def test_an_actor_policy_comes_from_a_file(keeper: Keeper, tmp_path: Path) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": PRINCIPAL}, "Action": "sso-oauth:CreateTokenWithIAM"},
        ],
    }
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy, indent=2))
    assert keeper.json("application", "add", "reports", "--policy", str(file))["actor_policy"] == policy
    file.write_text(json.dumps(policy | {"Statment": []}))
    assert "Statment" in keeper("application", "update", "reports", "--policy", str(file), code=1)
    assert "cannot read" in keeper("application", "update", "reports", "--policy", str(tmp_path / "gone"), code=2)
    file.write_bytes(b"\xff\xfe")
    assert "is not text" in keeper("application", "update", "reports", "--policy", str(file), code=2)
    assert keeper.json("application", "show", "reports")["actor_policy"] == policy


def test_an_application_is_disabled_enabled_and_removed(keeper: Keeper) -> None:
    added = keeper.json("application", "add", "reports")
    assert keeper.json("application", "disable", "reports") == added | {"status": "DISABLED"}
    assert keeper.json("application", "enable", "reports") == added
    assert keeper.json("application", "remove", "reports") == added
    assert keeper.json("application", "list") == []


def test_people_and_groups_are_assigned(keeper: Keeper) -> None:
    arn = keeper.json("application", "add", "reports")["application_arn"]
    mira = keeper.add_person("Mira")
    group = keeper.json("group", "add", "analysts")["group_id"]
    of_mira = {"application_arn": arn, "principal_type": "USER", "principal_id": mira, "name": "Mira"}
    of_group = {"application_arn": arn, "principal_type": "GROUP", "principal_id": group, "name": "analysts"}
    assert keeper.json("application", "assign", "reports", "--user", "mira") == of_mira
    assert keeper.json("application", "assign", arn, "--group", "analysts") == of_group
    assert keeper.json("application", "assignments", "reports") == [of_group, of_mira]
    assert keeper("application", "assignments", "reports").splitlines()[1].split() == ["GROUP", "analysts", group]
    assert "is assigned to reports already" in keeper("application", "assign", "reports", "--user", "mira", code=1)
    assert keeper.json("application", "unassign", "reports", "--user", "mira") == of_mira
    assert "is not assigned to reports" in keeper("application", "unassign", "reports", "--user", "mira", code=1)
    keeper("group", "remove", "analysts")
    assert keeper.json("application", "assignments", "reports") == []


def test_the_commands_speak_to_people(keeper: Keeper) -> None:
    assert "application add NAME" in _after_somebody(keeper)("application", "list")
    added = keeper("application", "add", "reports", "--redirect-uri", CALLBACK)
    assert added.startswith("added reports: arn:aws:sso::")
    assert "postern application update reports --principal ARN" in added
    assert keeper("application", "update", "reports", "--principal", PRINCIPAL) == "updated reports\n"
    shown = keeper("application", "show", "reports")
    for line in ("PKCE required        yes", f"redirect URI         {CALLBACK}", "assignment required  yes"):
        assert line in shown.splitlines()
    assert keeper("application", "list").splitlines()[1].split()[:3] == ["reports", "ENABLED", "authorization_code"]
    assert keeper("application", "assignments", "reports") == "nobody is assigned to reports\n"
    keeper("application", "update", "reports", "--assignment-required", "no")
    assert keeper("application", "assignments", "reports") == "nobody is assigned to reports, and nobody need be\n"
    assert keeper("application", "assign", "reports", "--user", "mira") == "mira may use reports\n"
    assert "no longer assigned" in keeper("application", "unassign", "reports", "--user", "mira")
    assert "no tokens" in keeper("application", "disable", "reports")
    assert keeper("application", "enable", "reports") == "enabled reports\n"
    assert keeper("application", "remove", "reports") == "removed reports and its assignments\n"


def _after_somebody(keeper: Keeper) -> Keeper:
    """There is a store once somebody was added."""
    keeper.add_person("mira")
    return keeper


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["add", "reports"], 1),
        (["add", "new", "--redirect-uri", "http://reports.example.org/callback"], 1),
        (["add", "new", "--redirect-uri", ""], 1),
        (["add", "new", "--trust", "corp=api://reports"], 1),
        (["add", "new", "--trust", "corp"], 2),
        (["add", "new", "--trust", "corp="], 2),
        (["add", "new", "--scope", "not a scope"], 1),
        (["add", "new", "--scope", "q:use=nothing"], 1),
        (["add", "new", "--principal", "mira"], 1),
        (["add", "new", "--no-pkce"], 2),
        (["add", "new", "--accept-scope", "q:use"], 2),
        (["add", "arn:aws:sso::111122223333:application/ssoins-1/apl-0000000000000000"], 1),
        (["show", "nothing"], 1),
        (["update", "nothing"], 1),
        (["remove", "nothing"], 1),
        (["assign", "reports", "--user", "nobody"], 1),
        (["assign", "reports", "--group", "nothing"], 1),
        (["assignments", "nothing"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_refused_changes_nothing(keeper: Keeper, arguments: list[str], code: int) -> None:
    before = keeper.json("application", "add", "reports")
    keeper("application", *arguments, code=code)
    assert keeper.json("application", "list") == [before]
    assert keeper.json("application", "assignments", "reports") == []


def test_an_application_of_another_instance_has_its_issuers_targets_and_people(keeper: Keeper) -> None:
    lab = keeper.json("instance", "add", "lab", "--owner-account-id", "222222222222")
    of_lab = ("--instance", "lab")
    issuer = keeper.json("trusted-token-issuer", "add", "corp", *CORP, *of_lab)["trusted_token_issuer_arn"]
    added = keeper.json("application", "add", "reports", "--trust", "corp=api://reports", *of_lab)
    for arn in (issuer, added["application_arn"]):
        assert f"/{lab['instance_id']}/" in arn
    assert added["application_arn"].startswith("arn:aws:sso::222222222222:application/")
    changed = keeper.json("application", "update", "reports", "--scope", f"s3:access_grants={lab['instance_arn']}")
    assert changed["access_scopes"] == [{"scope": "s3:access_grants", "authorized_targets": [lab["instance_arn"]]}]
    keeper("user", "add", "mira", "--no-password")
    assert "no user 'mira'" in keeper("application", "assign", "reports", "--user", "mira", code=1)
    keeper("user", "add", "mira", "--no-password", *of_lab)
    keeper("application", "assign", "reports", "--user", "mira")
    key = keeper.json("iam", "add", "--user", "reports", *of_lab)
    assert key["principal_arn"] == "arn:aws:iam::222222222222:user/reports"
