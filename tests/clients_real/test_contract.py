"""The contract for scripts: ``make run`` with PORT and DATA, its line ``ready``, and the files in ``DATA/demo``."""

import shutil
import stat
from pathlib import Path

import pytest
from botocore.configloader import load_config
from botocore.session import Session

from postern.testing.processes import free_port
from tests.clients_real.conftest import person_at, require
from tests.clients_real.flows import poll, register, start_device
from tests.clients_real.sdks import Boto3
from tests.clients_real.servers import NO_LIMITS, Server, started
from tests.clients_real.wire import Wire

pytestmark = pytest.mark.real_client

MEMBERS = {"username", "password", "endpoint", "start_url", "region", "account_id", "role_name"}


def test_user_file_has_what_scripts_need(server: Server) -> None:
    user = server.user
    assert set(user) >= MEMBERS
    assert all(user.values())
    assert user["endpoint"] == server.endpoint
    assert user["start_url"].startswith("https://d-")
    assert user["start_url"].endswith(".awsapps.com/start")


def test_files_are_for_the_owner_only(server: Server) -> None:
    for file in (server.config_file, server.user_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("profile", ["demo", "legacy"])
def test_profiles_name_account_role_and_services(server: Server, profile: str) -> None:
    profiles = load_config(str(server.config_file))["profiles"]
    user = server.user
    assert profiles[profile]["sso_account_id"] == user["account_id"]
    assert profiles[profile]["sso_role_name"] == user["role_name"]
    assert profiles[profile]["region"] == user["region"]
    assert profiles[profile]["services"] == "demo"


def test_demo_profile_has_an_sso_session_and_legacy_has_none(server: Server) -> None:
    config = load_config(str(server.config_file))
    session = config["sso_sessions"][config["profiles"]["demo"]["sso_session"]]
    user = server.user
    assert session == {
        "sso_start_url": user["start_url"],
        "sso_region": user["region"],
        "sso_registration_scopes": "sso:account:access",
    }
    legacy = config["profiles"]["legacy"]
    assert "sso_session" not in legacy
    assert (legacy["sso_start_url"], legacy["sso_region"]) == (user["start_url"], user["region"])


@pytest.mark.parametrize("profile", ["demo", "legacy"])
@pytest.mark.parametrize("service", ["sso-oidc", "sso", "sts"])
def test_services_lead_botocore_to_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, profile: str, service: str
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(server.config_file))
    session = Session(profile=profile)
    client = session.create_client(service, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="an example")
    assert client.meta.endpoint_url == server.endpoint
    client.close()


def test_person_of_the_user_file_can_sign_in(server: Server) -> None:
    assert person_at(server).sign_in().url.endswith("/start")


def test_second_start_keeps_person_password_and_registrations(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        user, port = first.user, int(first.endpoint.rpartition(":")[2])
        assert user["password"].encode() in first.output()
        client = Wire(first.endpoint).register(scopes=["sso:account:access"]).members
        device = Wire(first.endpoint).start_device(client, user["start_url"]).members
    (tmp_path / "stdout").unlink()
    with started(tmp_path, port=port) as second:
        assert second.user == user
        assert user["password"].encode() not in second.output()
        sdk = Boto3(second.endpoint)
        assert person_at(second).approve(device["verificationUriComplete"]) == "Approved"
        assert poll(sdk, client, device)["refreshToken"]
        sdk.close()


def test_make_run_honours_port_and_data(tmp_path: Path) -> None:
    make = Path(shutil.which("make") or "make")
    require("make", make)
    port = free_port()
    settings = NO_LIMITS | {"PORT": str(port), "DATA": str(tmp_path / "data")}
    with started(tmp_path, settings=settings, port=port, argv=(str(make), "--no-print-directory", "run")) as server:
        assert server.user["endpoint"] == server.endpoint
        instructions = server.output().decode()
        assert f"export AWS_CONFIG_FILE={server.config_file}" in instructions
        assert "aws sso login --profile demo" in instructions
        sdk = Boto3(server.endpoint)
        client = register(sdk)
        device = start_device(sdk, client, server.user["start_url"])
        assert person_at(server).approve(device["verificationUriComplete"]) == "Approved"
        sdk.close()
