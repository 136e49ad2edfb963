"""What `postern demo` prints to be pasted, pasted."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients_real.awscli import AWS, AwsCli
from tests.clients_real.conftest import require
from tests.clients_real.servers import Server, started


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    """One of its own, in a folder whose name a shell would take apart."""
    with started(tmp_path / "a folder") as server:
        yield server


@pytest.fixture
def aws(demo: Server, tmp_path: Path) -> AwsCli:
    require("AWS CLI", AWS)
    return AwsCli(demo, tmp_path / "home")


def printed(server: Server, title: str) -> list[str]:
    """The lines below a title."""
    said = server.output().decode().partition(f"{title}\n\n")[2]
    return [line.strip() for line in said.partition("\n\n")[0].splitlines()]


def test_the_aws_cli_ends_at_the_caller_s_identity_and_accounts(demo: Server, aws: AwsCli) -> None:
    title = "Sign in with the AWS CLI (2.13 or newer; for older ones see README.md):"
    export, login, identity, accounts, logout = printed(demo, title)
    signed_in = aws.paste(f"{export}\n{login}")
    assert signed_in.returncode == 0, signed_in.stderr
    caller = aws.paste(f"{export}\n{identity}")
    role = r"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_[0-9a-f]{16}/demo"
    assert re.fullmatch(role, json.loads(caller.stdout)["Arn"])
    listed = json.loads(aws.paste(f"{export}\n{accounts}").stdout)["accountList"]
    assert [(each["accountId"], each["accountName"]) for each in listed] == [("111122223333", "Demo account")]
    assert aws.paste(f"{export}\n{logout}").returncode == 0
    assert aws.tokens() == []


def test_postern_ends_at_the_same(demo: Server, aws: AwsCli) -> None:
    export = printed(demo, "Sign in with the AWS CLI (2.13 or newer; for older ones see README.md):")[0]
    title = "With postern, in the browser or with a code where there is none:"
    login, accounts, credentials, identity = printed(demo, title)
    signed_in = aws.paste(f"{export}\n{login}")
    assert signed_in.returncode == 0, signed_in.stderr
    assert "Demo account" in aws.paste(f"{export}\n{accounts}").stdout
    assert aws.paste(f"{export}\n{credentials}").stdout.startswith("export AWS_ACCESS_KEY_ID=")
    assert json.loads(aws.paste(f"{export}\n{identity}").stdout)["Account"] == "111122223333"
