"""From `postern configure sso` to `postern logout`, against a real `postern demo` and with a person who decides."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postern.testing.processes import COMMAND, WITHOUT_LIMITS, ServerProcess, environment
from tests.clients_real import browser
from tests.clients_real.person import Person

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"http://127\.0\.0\.1:\d+/[^\s\x1b]+")


class Visitor:
    """Somebody with a home of their own, and the demo's user at hand."""

    def __init__(self, server: ServerProcess, home: Path) -> None:
        self.user: dict[str, str] = json.loads((server.data / "demo" / "user.json").read_text())
        self.person = Person(self.user["endpoint"], self.user["username"], self.user["password"])
        self.home = home
        self.cache = home / ".aws" / "sso" / "cache"
        self.said = ""
        self.stderr: int = subprocess.PIPE
        self._user_file = server.data / "demo" / "user.json"

    def start(self, *arguments: str, browser_command: str = "", **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in environment().items() if not name.startswith("AWS_")}
        mine = {"HOME": str(self.home), "PYTHONPATH": str(ROOT), "BROWSER_USER_FILE": str(self._user_file)}
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            env=kept | mine | ({"BROWSER": browser_command} if browser_command else {}) | variables,
        )

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Standard output; ``said`` gathers everything that was printed."""
        return self.end(self.start(*arguments, **variables), code)

    def end(self, process: subprocess.Popen[str], code: int = 0) -> str:
        out, err = process.communicate(timeout=60)
        self.said += out + err
        assert process.returncode == code, (process.returncode, out, err)
        assert "Traceback" not in err
        return out

    def url_shown(self, process: subprocess.Popen[str]) -> str:
        """The first address of the server on standard error."""
        assert process.stderr is not None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            line = process.stderr.readline()
            self.said += line
            found = _URL.search(line)
            if found:
                return found[0]
        raise AssertionError(f"no address is shown: {self.said}")

    def configure(self) -> None:
        user = self.user
        self.run(
            "configure", "sso", "--session", "demo", "--start-url", user["start_url"], "--region", user["region"],
            "--endpoint-url", user["endpoint"], "--yes",
        )  # fmt: skip

    def tokens(self) -> list[dict[str, Any]]:
        contents = [json.loads(file.read_text()) for file in self.cache.glob("*.json")]
        return [content for content in contents if "accessToken" in content]

    def let_the_token_expire(self) -> None:
        for file in self.cache.glob("*.json"):
            content = json.loads(file.read_text())
            if "accessToken" in content:
                file.write_text(json.dumps(content | {"expiresAt": "2020-01-01T00:00:00Z"}))

    def secrets(self) -> set[str]:
        """Every secret on disk, but for the access tokens, which `postern token` prints."""
        contents = [json.loads(file.read_text()) for file in self.cache.glob("*.json")]
        return {content[name] for content in contents for name in ("refreshToken", "clientSecret") if name in content}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", command="demo", settings=WITHOUT_LIMITS)
    yield process
    process.stop()


@pytest.fixture
def visitor(server: ServerProcess, tmp_path: Path) -> Visitor:
    found = Visitor(server, tmp_path)
    found.configure()
    return found


def test_a_sign_in_by_device_code_and_all_that_follows(visitor: Visitor) -> None:
    signing_in = visitor.start("login", "--use-device-code", "--json")
    visitor.person.approve(visitor.url_shown(signing_in))
    result = json.loads(visitor.end(signing_in))
    assert (result["session"], result["new"], result["refreshable"]) == ("demo", True, True)

    token = visitor.run("token").strip()
    assert token == visitor.tokens()[0]["accessToken"]
    assert json.loads(visitor.run("status", "--json"))[0]["expires_at"] == result["expires_at"]
    assert visitor.run("login").startswith("still signed in to demo until ")
    assert visitor.run("doctor").splitlines()[-1].startswith("no problem, ")
    visitor.let_the_token_expire()
    renewed = visitor.run("token").strip()
    assert renewed not in ("", token)

    secrets = visitor.secrets()
    assert visitor.run("logout") == "signed out of demo\n"
    assert visitor.tokens() == []
    visitor.run("status", code=4)
    visitor.run("token", code=4)
    assert "nobody is signed in: run `postern login" in visitor.said
    assert len(secrets) >= 2
    assert not [secret for secret in secrets if secret in visitor.said]


def test_a_sign_in_by_the_browser(visitor: Visitor) -> None:
    out = visitor.run("login", BROWSER=browser.command(), CI="")
    assert out == ""
    assert "Signed in" in visitor.said
    (named, by_url) = sorted(visitor.tokens(), key=lambda token: "refreshToken" not in token)
    assert named["accessToken"] == by_url["accessToken"]
    assert "refreshToken" not in by_url
    assert visitor.run("token").strip() == named["accessToken"]


def test_a_sign_in_by_an_address_that_is_opened_by_hand(visitor: Visitor) -> None:
    signing_in = visitor.start("login", "--no-browser", BROWSER=browser.command(), CI="")
    visitor.person.decide(visitor.url_shown(signing_in), "approve")
    visitor.end(signing_in)
    assert visitor.tokens()


def test_force_signs_in_anew(visitor: Visitor) -> None:
    visitor.run("login", BROWSER=browser.command(), CI="")
    first = visitor.run("token")
    visitor.run("login", "--force", BROWSER=browser.command(), CI="")
    assert visitor.run("token") != first


def test_a_no_is_exit_code_4(visitor: Visitor) -> None:
    signing_in = visitor.start("login", "--use-device-code")
    visitor.person.deny(visitor.url_shown(signing_in))
    visitor.end(signing_in, code=4)
    visitor.run("login", code=4, BROWSER=browser.command(), BROWSER_DECISION="deny", CI="")
    assert visitor.tokens() == []


def test_a_sign_in_that_cannot_be_kept_is_exit_code_1(visitor: Visitor) -> None:
    """Others may write where the tokens lie by the time that the person has decided, so none is written there."""
    signing_in = visitor.start("login", "--use-device-code")
    url = visitor.url_shown(signing_in)
    visitor.cache.chmod(0o777)
    visitor.person.approve(url)
    assert visitor.end(signing_in, code=1) == ""
    assert "the sign-in could not be kept" in visitor.said.splitlines()[-1]
    assert visitor.tokens() == []


def test_nobody_s_decision_in_time_is_exit_code_4(visitor: Visitor) -> None:
    visitor.run("login", "--use-device-code", "--timeout", "1", code=4)
    assert visitor.said.splitlines()[-1].startswith("postern: ")


def test_an_interrupt_leaves_nothing_behind(visitor: Visitor) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    signing_in = visitor.start("login", "--use-device-code")
    visitor.url_shown(signing_in)
    signing_in.send_signal(signal.SIGINT)
    visitor.end(signing_in, code=130)
    assert visitor.tokens() == []


def test_a_start_url_that_the_service_does_not_know_is_refused(visitor: Visitor) -> None:
    arguments = ("--start-url", "https://other.awsapps.com/start", "--region", "us-east-1", "--use-device-code")
    visitor.run("login", *arguments, "--endpoint-url", visitor.user["endpoint"], code=1)
    assert "postern: the service refused: invalid_request" in visitor.said


def signing_in_at_a_terminal(visitor: Visitor, **variables: str) -> str:
    """What is shown there."""
    screen, terminal = os.openpty()
    visitor.stderr = terminal
    signing_in = visitor.start("login", "--use-device-code", **variables)
    os.close(terminal)
    said = ""
    while "Waiting for you" not in said:
        said += os.read(screen, 4096).decode(errors="replace")
    found = _URL.search(said)
    assert found, said
    visitor.person.approve(found[0])
    signing_in.communicate(timeout=30)
    os.close(screen)
    assert signing_in.returncode == 0
    return said


@pytest.mark.parametrize("no_color, has_color", [("", True), ("1", False)])
def test_a_terminal_has_progress_and_colour(visitor: Visitor, no_color: str, has_color: bool) -> None:
    said = signing_in_at_a_terminal(visitor, TERM="xterm", NO_COLOR=no_color)
    assert "\r\x1b[K" in said
    assert ("\x1b[1m" in said) == has_color


def test_what_is_no_terminal_has_neither(visitor: Visitor) -> None:
    signing_in = visitor.start("login", "--use-device-code", TERM="xterm")
    visitor.person.approve(visitor.url_shown(signing_in))
    visitor.end(signing_in)
    assert "\x1b" not in visitor.said
    assert "\r" not in visitor.said
