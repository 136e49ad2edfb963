"""From a sign-in to a role, by unmodified clients: the AWS CLI with both kinds of profile, boto3's credentials and its
paginator, and the SDKs for JavaScript.
"""

import json
import sys
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients_real.awscli import AwsCli
from tests.clients_real.flows import sign_in
from tests.clients_real.home import Home
from tests.clients_real.person import Person
from tests.clients_real.sdks import JS, NODE, REGION, Boto3
from tests.clients_real.servers import Server

pytestmark = pytest.mark.real_client

ACCOUNT = "111122223333"
ROLES = [{"roleName": name, "accountId": ACCOUNT} for name in ("Admin", "ReadOnly")]
PROFILES = ("demo", "legacy")


def printed(aws: AwsCli, *arguments: str) -> dict[str, Any]:
    done = aws.run(*arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("profile", PROFILES)
def test_cli_signs_in_and_is_somebody(aws: AwsCli, server: Server, profile: str) -> None:
    """Sign in, see accounts and roles, be the role, sign out; after that, nothing."""
    assert aws.run("sso", "login", "--profile", profile).returncode == 0
    (token,) = aws.tokens()
    bearer = ("--access-token", token["accessToken"], "--region", REGION)

    (account,) = printed(aws, "sso", "list-accounts", *bearer)["accountList"]
    assert account["accountId"] == ACCOUNT
    assert account["accountName"] == "Demo account"
    assert printed(aws, "sso", "list-account-roles", "--account-id", ACCOUNT, *bearer)["roleList"] == ROLES

    identity = printed(aws, "sts", "get-caller-identity", "--profile", profile)
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_")
    assert identity["Arn"].endswith(f"/{server.user['username']}")

    assert aws.run("sso", "logout").returncode == 0
    refused = aws.run("sso", "list-accounts", *bearer)
    assert refused.returncode == 254
    assert "An error occurred (UnauthorizedException) when calling the ListAccounts operation" in refused.stderr


def test_cli_is_told_of_a_role_that_is_not_theirs(aws: AwsCli) -> None:
    assert aws.run("sso", "login", "--profile", "demo").returncode == 0
    (token,) = aws.tokens()
    said = []
    for account, role in ((ACCOUNT, "Auditor"), ("999988887777", "Admin")):
        refused = aws.run(
            *("sso", "get-role-credentials", "--account-id", account, "--role-name", role),
            *("--access-token", token["accessToken"], "--region", REGION),
        )
        assert refused.returncode == 254
        said.append(refused.stderr)
    assert "An error occurred (ForbiddenException) when calling the GetRoleCredentials operation: No access" in said[0]
    assert said[0] == said[1]


@pytest.fixture
def home(server: Server, person: Person, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home folder where somebody has signed in."""
    sdk = Boto3(server.endpoint)
    try:
        client, token = sign_in(sdk, person, server.user["start_url"])
    finally:
        sdk.close()
    return Home(tmp_path_factory.mktemp("home"), server, client, token)


CALLERS = {
    "boto3": (sys.executable, str(JS.parent / "caller_boto3.py")),
    "js-v3": (str(NODE), str(JS / "caller_v3.js")),
    "js-v2": (str(NODE), str(JS / "caller_v2.js")),
}


@pytest.mark.parametrize("name", CALLERS)
def test_sdk_goes_from_its_profile_to_a_service(name: str, home: Home, node: object, server: Server) -> None:
    """Each program resolves the credentials of the profile by itself, and asks STS who it is."""
    program = home.start((*CALLERS[name], server.endpoint))
    answer, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    identity = json.loads(answer)
    assert identity["Account"] == ACCOUNT
    assert ":assumed-role/AWSReservedSSO_Admin_" in identity["Arn"]


def test_boto3_walks_the_pages(server: Server, person: Person) -> None:
    sdk = Boto3(server.endpoint)
    portal = boto3.client("sso", region_name=REGION, endpoint_url=server.endpoint)
    try:
        _, token = sign_in(sdk, person, server.user["start_url"])
        pages = portal.get_paginator("list_account_roles").paginate(
            accessToken=token["accessToken"], accountId=ACCOUNT, PaginationConfig={"PageSize": 1}
        )
        seen = [page["roleList"] for page in pages]
        assert [role for page in seen for role in page] == ROLES
        assert [len(page) for page in seen if page] == [1, 1]
        with pytest.raises(ClientError) as refused:
            portal.list_account_roles(accessToken=token["accessToken"], accountId=ACCOUNT, nextToken="made-up")
        assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
        portal.logout(accessToken=token["accessToken"])
        with pytest.raises(portal.exceptions.UnauthorizedException):
            portal.list_accounts(accessToken=token["accessToken"])
    finally:
        sdk.close()
        portal.close()
