"""Fixtures of the real clients: servers, people, SDKs, and what to do where a client is missing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postern.testing.oidc_issuer import IssuerProcess
from tests.clients_real import sdks
from tests.clients_real.applications import Desk
from tests.clients_real.awscli import AWS, AwsCli
from tests.clients_real.person import Person
from tests.clients_real.sdks import Sdk
from tests.clients_real.servers import NO_LIMITS, Server, started

SHORT_LIVES = {
    "POSTERN_LIFETIMES__DEVICE_CODE": "2",
    # Under 15 minutes, botocore refreshes each time that it starts.
    "POSTERN_LIFETIMES__ACCESS_TOKEN": "600",
    "POSTERN_LIFETIMES__REPLAY_WINDOW": "1",
    "POSTERN_LIFETIMES__AUTHORIZATION_CODE": "2",
}


def require(client: str, file: Path) -> None:
    """Skip where a client is not set up, and fail where all must be."""
    if file.exists():
        return
    reason = f"{client} is not set up: run scripts/setup clients"
    if os.environ.get("POSTERN_REQUIRE_CLIENTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo server with its default lives."""
    with started(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def hasty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo server with short lives."""
    with started(tmp_path_factory.mktemp("hasty"), settings=NO_LIMITS | SHORT_LIVES) as server:
        yield server


def person_at(server: Server) -> Person:
    return Person(server.endpoint, server.user["username"], server.user["password"])


@pytest.fixture
def person(server: Server) -> Person:
    return person_at(server)


@pytest.fixture
def hasty_person(hasty_server: Server) -> Person:
    return person_at(hasty_server)


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js with the SDKs for JavaScript."""
    require("Node.js", sdks.NODE)
    require("AWS SDK for JavaScript v2", sdks.JS_PACKAGES / "aws-sdk")
    require("AWS SDK for JavaScript v3", sdks.JS_PACKAGES / "@aws-sdk" / "client-sso-oidc")
    return sdks.NODE


@pytest.fixture(scope="session", params=["boto3", "js-v2", "js-v3", "postern", "postern-async"])
def sdk_name(request: pytest.FixtureRequest) -> str:
    """Each SDK in turn."""
    name: str = request.param
    if name not in sdks.IN_PROCESS:
        request.getfixturevalue("node")
    return name


@pytest.fixture(scope="session")
def sdk(sdk_name: str, server: Server) -> Iterator[Sdk]:
    opened = sdks.open_sdk(sdk_name, server.endpoint)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def hasty_sdk(sdk_name: str, hasty_server: Server) -> Iterator[Sdk]:
    """The same SDK at the server with short lives."""
    opened = sdks.open_sdk(sdk_name, hasty_server.endpoint)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def desk(server: Server) -> Iterator[Desk]:
    """The demo server's applications, and an issuer that the demo application trusts."""
    with IssuerProcess() as issuer:
        yield Desk(server, issuer)


Opening = Callable[..., Sdk]


@pytest.fixture(scope="session")
def open_as(sdk_name: str, server: Server) -> Iterator[Opening]:
    """Opens the SDK at the server with credentials, or gives the one that was opened with them before:
    ``open_as(credentials, region=…)``.
    """
    opened: dict[tuple[object, ...], sdks.Boto3 | sdks.Node | sdks.Postern | sdks.PosternAsync] = {}

    def open_once(credentials: sdks.Credentials, *, region: str = sdks.REGION) -> Sdk:
        place = (*credentials, region)
        if place not in opened:
            opened[place] = sdks.open_sdk(sdk_name, server.endpoint, credentials, region=region)
        return opened[place]

    yield open_once
    for sdk in opened.values():
        sdk.close()


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> AwsCli:
    """The AWS CLI with a home of its own."""
    require("AWS CLI", AWS)
    return AwsCli(server, tmp_path)


@pytest.fixture
def hasty_aws(hasty_server: Server, tmp_path: Path) -> AwsCli:
    require("AWS CLI", AWS)
    return AwsCli(hasty_server, tmp_path)
