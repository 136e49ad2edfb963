"""Unmodified clients at two nodes: each request may come to either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.testing.postgres import PostgresServer
from tests.clients_real.awscli import AWS, AwsCli
from tests.clients_real.conftest import person_at, require
from tests.clients_real.flows import refresh, sign_in
from tests.clients_real.nodes import Nodes, two_nodes
from tests.clients_real.sdks import REGION, open_sdk
from tests.clients_real.test_portal import ACCOUNT, ROLES, printed

pytestmark = pytest.mark.real_client


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Nodes]:
    url = postgres.create_database("two_nodes")
    with two_nodes(tmp_path_factory.mktemp("nodes"), url) as nodes:
        yield nodes


@pytest.fixture(autouse=True)
def both_serve(nodes: Nodes) -> Iterator[None]:
    before = dict(nodes.balancer.served)
    yield
    assert all(nodes.balancer.served[port] > count for port, count in before.items())


def test_cli_signs_in_and_is_somebody(nodes: Nodes, tmp_path: Path) -> None:
    require("AWS CLI", AWS)
    aws = AwsCli(nodes, tmp_path)
    login = aws.run("sso", "login", "--profile", "demo")
    assert login.returncode == 0, login.stderr
    (token,) = aws.tokens()
    bearer = ("--access-token", token["accessToken"], "--region", REGION)
    assert printed(aws, "sso", "list-account-roles", "--account-id", ACCOUNT, *bearer)["roleList"] == ROLES
    identity = printed(aws, "sts", "get-caller-identity", "--profile", "demo")
    assert identity["Arn"].endswith(f"/{nodes.user['username']}")
    assert aws.run("sso", "logout").returncode == 0
    for _ in range(4):  # on either node, at once
        refused = aws.run("sso", "list-accounts", *bearer)
        assert "UnauthorizedException" in refused.stderr


@pytest.mark.parametrize("name", ["boto3", "js-v3", "postern-async"])
def test_sdks_sign_in_and_refresh(nodes: Nodes, name: str, request: pytest.FixtureRequest) -> None:
    if name.startswith("js"):
        request.getfixturevalue("node")
    sdk = open_sdk(name, nodes.endpoint)
    try:
        client, token = sign_in(sdk, person_at(nodes), nodes.start_url)
        successor = refresh(sdk, client, token)
        assert refresh(sdk, client, token)["refreshToken"] == successor["refreshToken"]
    finally:
        sdk.close()
