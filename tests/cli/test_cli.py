"""The `postern` command: what it prints for people and for programs, and its exit codes."""

import base64
import json
import os
import re
import secrets
import shutil
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from postern.cli import main
from postern.testing.processes import NotReady, ServerProcess, free_port, run_command
from postern.testing.wire import Connection, PersonAtBrowser, WireClient

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery\n"


class Operator:
    """Runs commands on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0, **settings: str) -> str:
        """Standard output; a refusal's one line on standard error instead."""
        done = run_command(*arguments, "--data", str(self.data), stdin=stdin, settings=settings)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 0:
            return done.stdout
        assert done.stdout == ""
        assert done.stderr.startswith("postern: ")
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    def json(self, *arguments: str, stdin: str = "", **settings: str) -> Any:
        return json.loads(self(*arguments, "--json", stdin=stdin, code=0, **settings))


@pytest.fixture
def postern(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "data")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with somebody in its store, to be with_mira."""
    data = tmp_path_factory.mktemp("original") / "data"
    Operator(data)("user", "add", "mira", "--password-stdin", stdin=PASSWORD)
    return data


@pytest.fixture
def with_mira(original: Path, postern: Operator) -> Operator:
    """On a data folder of the test's own, with somebody in its store."""
    shutil.copytree(original, postern.data)
    return postern


# Usage


def test_a_version_and_help_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--version"], ["--help"], ["serve", "--help"], ["user", "--help"], ["keys", "list", "--help"]):
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        assert leaving.value.code == 0
    assert "postern" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["user"], ["nonsense"], ["serve", "--nonsense"], ["user", "add"], ["serve", "--port", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2
    assert "usage: postern" in capsys.readouterr().err


def test_wrong_settings_are_exit_code_2(postern: Operator) -> None:
    assert "did you mean POSTERN_SERVER__WORKERS?" in postern("user", "list", code=2, POSTERN_SERVER__WORKER="2")
    assert "server.port" in postern("config", "check", code=2, POSTERN_SERVER__PORT="99999999")


@pytest.mark.parametrize(
    "content", [b"[server\n", b"\xff", b"port = " + b"1" * 5000, b"port = " + b"[" * 5000], ids=range(4)
)
def test_a_settings_file_that_is_none_is_exit_code_2(postern: Operator, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "postern.toml"
    file.write_bytes(content)
    assert f"the settings file {file} is not TOML" in postern("config", "check", "--config", str(file), code=2)


# People


def test_the_life_of_a_person(postern: Operator) -> None:
    added = postern.json("user", "add", " Mira ", "--password-stdin", "--email", "m@example.org", stdin=PASSWORD)
    names = {"display_name", "given_name", "family_name"}
    assert set(added) == {"user_id", "user_name", *names, "email", "status", "created_at", "has_password"}
    assert (added["user_name"], added["status"], added["email"]) == ("Mira", "ENABLED", "m@example.org")
    assert postern.json("user", "list") == [added]
    assert "Mira" in postern("user", "list")
    assert postern.json("user", "disable", "MIRA") == added | {"status": "DISABLED"}
    assert postern.json("user", "enable", "mira") == added | {"status": "ENABLED"}
    assert postern.json("user", "password", "mira", "--password-stdin", stdin="another password\n") == added
    generated = postern.json("user", "password", "mira", "--generate")
    assert re.fullmatch(r"[a-z2-9]{6}(-[a-z2-9]{6}){3}", generated["password"])
    assert f"added noor\npassword: {'x' * 27}" == re.sub(
        r"[a-z2-9-]{27}", "x" * 27, postern("user", "add", "noor", "--generate").strip()
    )


@pytest.mark.parametrize(
    "arguments, stdin, reason",
    [
        (["user", "add", "mira", "--password-stdin"], PASSWORD, "there is a user 'mira' already"),
        (["user", "add", "\uff2d\uff29\uff32\uff21", "--password-stdin"], PASSWORD, "already"),
        (["user", "add", "new", "--password-stdin"], "short\n", "8 to 256"),
        (["user", "add", "new", "--password-stdin"], "", "8 to 256"),
        (["user", "add", "", "--generate"], "", "user name"),
        (["user", "add", "a\x1bb", "--generate"], "", "user name"),
        (["user", "add", "new"], "", "--password-stdin or --generate"),
        (["user", "disable", "nobody"], "", "no user 'nobody'"),
        (["user", "enable", "nobody"], "", "no user 'nobody'"),
        (["user", "password", "nobody", "--generate"], "", "no user 'nobody'"),
        (["client", "revoke", "x" * 5000], "", "not a client id"),
        (["keys", "revoke", "00000000"], "", "no key 00000000"),
    ],
)
def test_a_refusal_is_exit_code_1(with_mira: Operator, arguments: list[str], stdin: str, reason: str) -> None:
    assert reason in with_mira(*arguments, stdin=stdin, code=1)
    assert [user["user_name"] for user in with_mira.json("user", "list")] == ["mira"]


# Keys, clients, store


def test_keys_are_rotated_and_revoked(with_mira: Operator) -> None:
    assert with_mira.json("keys", "list") == []
    first = with_mira.json("keys", "rotate", POSTERN_KEYS__PUBLISH_LEAD="2")
    second = with_mira.json("keys", "rotate")
    assert second["activates_at"] > first["activates_at"]
    listed = with_mira.json("keys", "list")
    assert [key["key_id"] for key in listed] == [second["key_id"], first["key_id"]]
    assert listed[0]["state"] == "published"
    assert "KEY ID" in with_mira("keys", "list")
    assert "only key in use" in with_mira("keys", "revoke", first["key_id"], code=1)
    time.sleep(max(0.0, first["activates_at"] - time.time()))
    assert [key["state"] for key in with_mira.json("keys", "list")] == ["published", "signs"]
    assert with_mira.json("keys", "revoke", second["key_id"]) == {"key_id": second["key_id"]}
    assert [key["key_id"] for key in with_mira.json("keys", "list")] == [first["key_id"]]


def test_a_client_is_revoked(with_mira: Operator) -> None:
    shown = with_mira.json("client", "revoke", "a-client-id")
    assert re.fullmatch(r"[0-9a-f]{64}", shown["client_digest"])
    assert "revoked" in with_mira("client", "revoke", "a-client-id")


def test_a_sound_store_is_said_to_be_sound(with_mira: Operator) -> None:
    shown, url = with_mira.json("store", "check"), f"sqlite:///{with_mira.data / 'postern.db'}"
    assert (shown["store"], shown["sound"], shown["rows"]["user_account"]) == (url, True, 1)
    assert f"{url} is sound" in with_mira("store", "check")


def damage(postern: Operator) -> None:
    file = postern.data / "postern.db"
    content = bytearray(file.read_bytes())
    content[4096 : 3 * 4096] = os.urandom(2 * 4096)
    file.write_bytes(content)


@pytest.mark.parametrize(
    "arguments",
    [["store", "check"], ["user", "list"], ["keys", "list"], ["serve", "--port", "0"], ["demo", "--port", "0"]],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("content", ["damaged", "empty", "noise", "zeros"])
def test_an_unfit_store_is_exit_code_3(with_mira: Operator, arguments: list[str], content: str) -> None:
    file = with_mira.data / "postern.db"
    if content == "damaged":
        damage(with_mira)
    else:
        file.write_bytes({"empty": b"", "noise": os.urandom(40_000), "zeros": bytes(40_000)}[content])
    before = file.read_bytes()
    arguments = [str(free_port()) if word == "0" else word for word in arguments]
    with_mira(*arguments, code=3)
    assert file.read_bytes() == before


@pytest.mark.parametrize("workers", ["1", "2"])
def test_another_store_s_master_key_is_exit_code_3(with_mira: Operator, workers: str) -> None:
    with_mira("keys", "rotate")
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    arguments = ("serve", "--port", str(free_port()), "--workers", workers)
    assert "master key" in with_mira(*arguments, code=3, POSTERN_MASTER_KEY__VALUE=other)
    assert "master key" in with_mira("keys", "rotate", code=3, POSTERN_MASTER_KEY__VALUE=other)
    assert len(with_mira.json("keys", "list")) == 1


def test_a_lost_master_key_is_not_replaced(with_mira: Operator) -> None:
    with_mira("keys", "rotate")
    (with_mira.data / "master.key").unlink()
    for command in (("keys", "rotate"), ("serve", "--port", str(free_port()))):
        assert "is not there" in with_mira(*command, code=3)
    assert not (with_mira.data / "master.key").exists()


@pytest.mark.parametrize(
    "command",
    [("user", "list"), ("keys", "list"), ("store", "check"), ("client", "revoke", "a-client-id")],
)
def test_a_store_that_is_not_there_is_not_made_by_looking_at_it(postern: Operator, command: tuple[str, ...]) -> None:
    assert "there is no store" in postern(*command, code=3)
    assert not (postern.data / "postern.db").exists()


def test_a_master_key_that_others_can_read_is_exit_code_3(with_mira: Operator) -> None:
    with_mira("keys", "rotate")
    (with_mira.data / "master.key").chmod(0o644)
    assert "open to others" in with_mira("keys", "rotate", code=3)
    (with_mira.data / "master.key").chmod(0o600)
    (with_mira.data / "master.key").write_text("not a key")
    assert "not a master key" in with_mira("keys", "rotate", code=3)


# Serving


def test_a_port_that_is_taken_is_exit_code_1(postern: Operator, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "other", settings={"POSTERN_STORE__URL": "memory:"})
    assert f"port {server.port}" in postern("serve", "--port", str(server.port), code=1)
    assert server.stdout == f"ready {server.url}\n"
    assert server.stop() == 0


def test_the_demo_keeps_its_promises(tmp_path: Path) -> None:
    """Two files for scripts, a ready line, and a second start that keeps person, password and tokens."""
    port = free_port()
    data = tmp_path / "data"
    server = ServerProcess(data, command="demo", port=port)
    user_file, config = data / "demo" / "user.json", data / "demo" / "config"
    person = json.loads(user_file.read_text())
    assert set(person) == {"username", "password", "endpoint", "start_url", "region", "account_id", "role_name"}
    assert [stat.S_IMODE(file.stat().st_mode) for file in (user_file, config)] == [0o600, 0o600]
    assert person["endpoint"] == server.url
    assert person["password"] in server.stdout
    assert f"endpoint_url = {server.url}" in config.read_text()
    assert server.stdout.splitlines()[-1] == f"ready {server.url}"
    connection = Connection(port)
    client = WireClient(connection, person["start_url"])
    started = client.start()
    assert PersonAtBrowser(connection, person["username"], person["password"]).decide(started["userCode"])
    tokens = client.redeem(started["deviceCode"]).members
    connection.close()
    assert server.stop() == 0

    again = ServerProcess(data, command="demo", port=port)
    assert json.loads(user_file.read_text()) == person
    assert person["password"] not in again.stdout
    connection = Connection(port)
    assert client.over(connection).refresh(tokens["refreshToken"]).status == 200
    PersonAtBrowser(connection, person["username"], person["password"])
    connection.close()
    assert again.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_that_cannot_be_used_is_exit_code_2(
    postern: Operator, tmp_path: Path, workers: str, content: str | None
) -> None:
    file = tmp_path / "certificate.pem"
    if content:
        file.write_text(content)
    tls = {name: str(file) for name in ("POSTERN_SERVER__TLS_CERTIFICATE", "POSTERN_SERVER__TLS_PRIVATE_KEY")}
    complaint = postern("serve", "--port", str(free_port()), "--workers", workers, code=2, **tls)
    assert "server.tls_certificate" in complaint


def test_an_interrupt_stops_the_server_in_peace(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", settings={"POSTERN_STORE__URL": "memory:"})
    os.kill(server.pid, 2)
    assert server.wait() in (0, 130)
    assert "Traceback" not in server.log.read_text()


def test_a_server_that_cannot_start_is_never_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="is not a setting"):
        ServerProcess(tmp_path / "data", settings={"POSTERN_SERVER__NONSENSE": "1"})
