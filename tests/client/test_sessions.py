"""Which sign-in is meant, as far as arguments, environment and configuration say."""

from pathlib import Path
from typing import Any

import pytest

from postern.client.errors import ConfigurationError
from postern.client.sessions import DEFAULT_SCOPES, Session, all_sessions, profiles_of, resolve_session
from postern.client.shared_config import SharedConfig

CORP = """
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
sso_registration_scopes = sso:account:access, codewhisperer:completions
"""
LAB = """
[sso-session lab]
sso_start_url = https://lab.awsapps.com/start
sso_region = us-east-1
"""
LEGACY = """
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = us-west-2
"""
CORP_URL, LAB_URL, OLD_URL = (f"https://{name}.awsapps.com/start" for name in ("corp", "lab", "old"))
SCOPES = ("sso:account:access", "codewhisperer:completions")


def resolve(config: str, folder: Path, environment: dict[str, str] | None = None, **arguments: Any) -> Session:
    return resolve_session(shared(config, folder), environment or {}, **arguments)


def shared(config: str, folder: Path) -> SharedConfig:
    (folder / "config").write_text(config)
    return SharedConfig.load(
        {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    )


def profile(name: str, session: str, more: str = "") -> str:
    return f"\n[profile {name}]\nsso_session = {session}\n{more}\n"


def services(name: str, url: str) -> str:
    return f"\n[services {name}]\nsso_oidc =\n  endpoint_url = {url}\nsso =\n  endpoint_url = {url}\n"


@pytest.mark.parametrize(
    "config, environment, arguments, expected",
    [
        pytest.param(
            CORP + LAB,
            {},
            {"session": "corp"},
            Session("corp", CORP_URL, "eu-central-1", SCOPES),
            id="a session by its name",
        ),
        pytest.param(
            LAB + profile("dev", "lab"),
            {},
            {"profile": "dev"},
            Session("lab", LAB_URL, "us-east-1", profile="dev"),
            id="the session of a profile",
        ),
        pytest.param(
            CORP + LEGACY,
            {},
            {"profile": "old"},
            Session(None, OLD_URL, "us-west-2", profile="old"),
            id="a profile of the older form",
        ),
        pytest.param(
            CORP + LAB + profile("dev", "lab"),
            {"AWS_PROFILE": "dev"},
            {},
            Session("lab", LAB_URL, "us-east-1", profile="dev"),
            id="the profile that the environment names",
        ),
        pytest.param(
            CORP + LAB + "\n[default]\nsso_session = lab\n",
            {},
            {},
            Session("lab", LAB_URL, "us-east-1", profile="default"),
            id="the default profile",
        ),
        pytest.param(LAB, {}, {}, Session("lab", LAB_URL, "us-east-1"), id="the only session there is"),
        pytest.param(
            LEGACY, {}, {}, Session(None, OLD_URL, "us-west-2", profile="old"), id="the only profile of the older form"
        ),
        pytest.param(
            LAB + "\n[profile keys]\nregion = eu-west-1\n",
            {"AWS_PROFILE": "keys"},
            {},
            Session("lab", LAB_URL, "us-east-1"),
            id="a profile of the environment without a sign-in is passed over",
        ),
        pytest.param(
            "",
            {},
            {"start_url": "https://x.example/start", "region": "eu-west-1"},
            Session(None, "https://x.example/start", "eu-west-1"),
            id="nothing but arguments",
        ),
        pytest.param(
            LAB,
            {},
            {"session": "new", "start_url": "https://x.example/start", "region": "eu-west-1"},
            Session("new", "https://x.example/start", "eu-west-1"),
            id="a session that is not configured",
        ),
        pytest.param(
            LAB,
            {},
            {"session": "lab", "region": "eu-west-1", "scopes": ("a:b",), "endpoint_url": "http://127.0.0.1:1"},
            Session("lab", LAB_URL, "eu-west-1", ("a:b",), "http://127.0.0.1:1"),
            id="arguments go before what is configured",
        ),
        pytest.param(
            CORP + LAB,
            {},
            {"start_url": "https://x.example/start", "region": "eu-west-1", "profile": None},
            Session(None, "https://x.example/start", "eu-west-1"),
            id="a start URL goes before all sessions",
        ),
    ],
)
def test_a_sign_in_is_found(
    config: str, environment: dict[str, str], arguments: dict[str, Any], expected: Session, tmp_path: Path
) -> None:
    assert resolve(config, tmp_path, environment, **arguments) == expected


@pytest.mark.parametrize(
    "config, environment, arguments, complaint",
    [
        ("", {}, {}, "no sign-in is configured: run `postern configure sso`, or give a start URL and its region"),
        (CORP + LAB, {}, {}, "there are several sign-ins: choose a session: corp, lab"),
        (LEGACY + LEGACY.replace("old", "older"), {}, {}, "there are several sign-ins: choose a profile: old, older"),
        (CORP, {}, {"session": "crop"}, "did you mean 'corp'?"),
        (CORP, {}, {"profile": "corp"}, "no profile 'corp'"),
        ("[profile keys]\nregion = x\n", {}, {"profile": "keys"}, "profile keys has neither sso_session nor sso_start"),
        ("", {}, {"start_url": "https://x.example/start"}, "https://x.example/start is not known: give it too"),
        ("[sso-session a]\nsso_region = x\n", {}, {"session": "a"}, "[sso-session a] has no sso_start_url"),
        ("[sso-session a]\nsso_start_url = https://x\n", {}, {"session": "a"}, "[sso-session a] has no sso_region"),
        ("[profile a]\nsso_start_url = https://x\n", {}, {"profile": "a"}, "profile a has no sso_region"),
        (profile("dev", "gone"), {}, {"profile": "dev"}, "no sso-session 'gone'"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(
    config: str, environment: dict[str, str], arguments: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        resolve(config, tmp_path, environment, **arguments)
    assert complaint in str(refusal.value)
    assert "add --" not in str(refusal.value)  # programs see it too, and they have no flags


# Endpoints are configured by profile; a session alone has to find its own.

TWO_PLACES = (
    LAB
    + profile("dev", "lab", "services = here")
    + profile("ops", "lab", "services = there")
    + services("here", "http://127.0.0.1:1")
    + services("there", "http://127.0.0.1:2")
)


def test_a_session_takes_the_endpoints_of_the_profiles_that_name_it(tmp_path: Path) -> None:
    agreeing = LAB + profile("dev", "lab", "services = s") + profile("ops", "lab", "services = s")
    assert resolve(agreeing + services("s", "http://127.0.0.1:1"), tmp_path, session="lab").profile == "dev"


def test_profiles_that_disagree_are_not_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"profiles dev, ops name session lab and .* different endpoints: choose one"
    ):
        resolve(TWO_PLACES, tmp_path, session="lab")


@pytest.mark.parametrize(
    "environment, arguments, chosen",
    [
        ({}, {"profile": "ops"}, "ops"),
        ({"AWS_PROFILE": "ops"}, {}, "ops"),
        ({"AWS_PROFILE": "unrelated", "AWS_ENDPOINT_URL": "http://127.0.0.1:3"}, {}, None),
        ({}, {"endpoint_url": "http://127.0.0.1:3"}, None),
        ({"AWS_ENDPOINT_URL_SSO_OIDC": "http://127.0.0.1:3"}, {}, None),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:3"}, {}, None),
    ],
)
def test_their_disagreement_does_not_matter_where_something_else_decides(
    environment: dict[str, str], arguments: dict[str, str], chosen: str | None, tmp_path: Path
) -> None:
    assert resolve(TWO_PLACES, tmp_path, environment, session="lab", **arguments).profile == chosen


# All of them


def test_all_sign_ins_are_listed_once_and_incomplete_ones_are_not(tmp_path: Path) -> None:
    config = (
        CORP
        + LAB
        + profile("dev", "lab")
        + LEGACY
        + LEGACY.replace("profile old", "profile also-old")
        + profile("lost", "gone")
        + "[sso-session half]\nsso_region = x\n[profile quarter]\nsso_start_url = https://q\n"
    )
    assert all_sessions(shared(config, tmp_path)) == [
        Session("corp", CORP_URL, "eu-central-1", SCOPES),
        Session("lab", LAB_URL, "us-east-1", profile="dev"),
        Session(None, OLD_URL, "us-west-2", DEFAULT_SCOPES, profile="old"),
    ]


def test_the_profiles_of_a_sign_in_are_known(tmp_path: Path) -> None:
    found = shared(LAB + profile("dev", "lab") + profile("ops", "lab") + LEGACY, tmp_path)
    assert profiles_of(found, Session("lab", LAB_URL, "us-east-1")) == ["dev", "ops"]
    assert profiles_of(found, Session(None, OLD_URL, "us-west-2")) == ["old"]
    assert profiles_of(found, Session("corp", CORP_URL, "eu-central-1")) == []


def test_people_call_a_sign_in_by_its_name_or_its_start_url() -> None:
    assert Session("lab", LAB_URL, "us-east-1").title == "lab"
    assert Session(None, OLD_URL, "us-west-2").title == OLD_URL
