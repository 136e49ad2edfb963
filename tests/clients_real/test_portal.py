"""From a sign-in to a role, by unmodified clients: the AWS CLI with both kinds of profile, boto3's credentials and its
paginator, the SDKs for JavaScript, and Postern's own client and command. What each SDK's caller sees of a refusal.
"""

import json
import shlex
import sys
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients_real.awscli import AwsCli
from tests.clients_real.flows import refusal, sign_in
from tests.clients_real.home import Home
from tests.clients_real.person import Person
from tests.clients_real.sdks import JS, NODE, REGION, Boto3, Sdk
from tests.clients_real.servers import POSTERN, Server

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


def test_boto3_takes_credentials_from_postern_as_a_process(home: Home) -> None:
    """A profile of its own, which knows no sign-in: `postern credentials` does."""
    command = f"{shlex.quote(str(POSTERN))} credentials --profile demo"
    home.add_profile("by-postern", credential_process=command, region=REGION, services="demo")
    program = home.start(CALLERS["boto3"], profile="by-postern")
    answer, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    assert ":assumed-role/AWSReservedSSO_Admin_" in json.loads(answer)["Arn"]


# Every SDK, call by call


def test_sdk_lists_accounts_and_roles_and_gets_credentials(sdk: Sdk, server: Server, person: Person) -> None:
    _, token = sign_in(sdk, person, server.start_url)
    bearer = {"accessToken": token["accessToken"]}
    account = {"accountId": ACCOUNT, "accountName": "Demo account", "emailAddress": ""}
    assert sdk.call("ListAccounts", **bearer) == {"accountList": [account]}

    first = sdk.call("ListAccountRoles", **bearer, accountId=ACCOUNT, maxResults=1)
    second = sdk.call("ListAccountRoles", **bearer, accountId=ACCOUNT, maxResults=1, nextToken=first["nextToken"])
    assert [first["roleList"], second["roleList"]] == [[role] for role in ROLES]
    assert "nextToken" not in second

    credentials = sdk.call("GetRoleCredentials", **bearer, accountId=ACCOUNT, roleName="ReadOnly")["roleCredentials"]
    assert set(credentials) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    seconds = credentials["expiration"] / 1000 - time.time()
    assert 0 < seconds <= 12 * 3600


CALLS: dict[str, dict[str, str]] = {
    "ListAccounts": {},
    "ListAccountRoles": {"accountId": ACCOUNT},
    "GetRoleCredentials": {"accountId": ACCOUNT, "roleName": "Admin"},
}


@pytest.mark.parametrize("operation", CALLS)
def test_sdk_is_told_that_a_session_is_over(sdk: Sdk, server: Server, person: Person, operation: str) -> None:
    _, token = sign_in(sdk, person, server.start_url)
    bearer = {"accessToken": token["accessToken"]}
    sdk.call("Logout", **bearer)
    refused = refusal(sdk, operation, **bearer, **CALLS[operation])
    assert (refused.name, refused.status, refused.typed) == ("UnauthorizedException", 401, True)
    assert refused.message == "Session token not found or invalid"


@pytest.mark.parametrize(
    "operation, members",
    [
        ("GetRoleCredentials", {"accountId": ACCOUNT, "roleName": "Auditor"}),
        ("GetRoleCredentials", {"accountId": "999988887777", "roleName": "Admin"}),
        ("ListAccountRoles", {"accountId": "999988887777"}),
    ],
    ids=["role", "role in an unknown account", "account"],
)
def test_sdk_is_told_that_there_is_no_access(
    sdk: Sdk, server: Server, person: Person, operation: str, members: dict[str, str]
) -> None:
    """The model does not have this error: SDKs raise their general one, by the name that is on the wire."""
    _, token = sign_in(sdk, person, server.start_url)
    refused = refusal(sdk, operation, accessToken=token["accessToken"], **members)
    assert (refused.name, refused.status, refused.message) == ("ForbiddenException", 403, "No access")


@pytest.mark.parametrize(
    "operation, members, said",
    [
        ("GetRoleCredentials", {"accountId": "1111", "roleName": "Admin"}, "account_id is not 12 digits"),
        ("GetRoleCredentials", {"accountId": ACCOUNT, "roleName": "two words"}, "role_name is not valid"),
        ("ListAccountRoles", {"accountId": ACCOUNT, "nextToken": "made-up"}, "next_token is not valid"),
        ("ListAccounts", {"nextToken": "made-up"}, "next_token is not valid"),
    ],
    ids=["account", "role", "page of roles", "page of accounts"],
)
def test_sdk_is_told_what_does_not_fit(
    sdk: Sdk, server: Server, person: Person, operation: str, members: dict[str, str], said: str
) -> None:
    _, token = sign_in(sdk, person, server.start_url)
    refused = refusal(sdk, operation, accessToken=token["accessToken"], **members)
    assert (refused.name, refused.status, refused.typed) == ("InvalidRequestException", 400, True)
    assert refused.message == said
