"""`postern login` and a person with Chromium: the page that the browser ends at, and what the command says."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from postern.client.token_cache import FileTokenCache
from postern.testing.processes import COMMAND, environment
from tests.browser import looks
from tests.browser.conftest import Place
from tests.browser.visitor import Visitor

# What `BROWSER` starts: it leaves the address where the test finds it.
_SCRIPT = "import os, pathlib, sys; pathlib.Path(os.environ['ADDRESS']).write_text(sys.argv[1])"


class Login:
    """``postern login`` under way, in a home folder of its own."""

    def __init__(self, place: Place, folder: Path, *arguments: str, browser: bool = True) -> None:
        self.address = folder / "address"
        self.cache = FileTokenCache(folder / ".aws" / "sso" / "cache")
        script = folder / "browser.py"
        script.write_text(_SCRIPT)
        variables = {
            "HOME": str(folder),
            "ADDRESS": str(self.address),
            "BROWSER": f"{sys.executable} {script} %s" if browser else "none",
            "AWS_CONFIG_FILE": str(place.server.data / "demo" / "config"),
        }
        kept = {name: value for name, value in environment().items() if not name.startswith("AWS_") and name != "CI"}
        self.process = subprocess.Popen(
            [*COMMAND, "login", "--profile", "demo", "--json", *arguments],
            env=kept | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def url(self) -> str:
        """The address that the command opened in the browser."""
        deadline = time.monotonic() + 20
        while not self.address.exists() or not self.address.read_text():
            assert time.monotonic() < deadline, self.end()
            time.sleep(0.02)
        return self.address.read_text()

    def end(self) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def start(place: Place, tmp_path: Path) -> Iterator[Callable[..., Login]]:
    logins: list[Login] = []

    def begin(*arguments: str, browser: bool = True) -> Login:
        logins.append(Login(place, tmp_path, *arguments, browser=browser))
        return logins[-1]

    yield begin
    for login in logins:
        if login.process.poll() is None:
            login.process.kill()
            login.process.communicate()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_approval_ends_at_a_page_that_says_so(
    start: Callable[..., Login], signed_in: Visitor, scheme: str, tmp_path: Path
) -> None:
    login = start()
    signed_in.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    signed_in.open(login.url())
    expect(signed_in.page.get_by_text("postern-demo")).to_be_visible()
    signed_in.approve()
    signed_in.sees("You can close this window")
    assert [problem for problem in looks.problems(signed_in.page) if problem.startswith("contrast")] == []
    signed_in.page.screenshot(path=tmp_path / f"signed-in-{scheme}.png")
    code, out, err = login.end()
    assert code == 0, err
    (token,) = login.cache.list()
    assert json.loads(out)["expires_at"] == int(token.expires_at)
    assert token.access_token not in out + err


def test_a_denial_ends_at_a_page_that_says_so(start: Callable[..., Login], signed_in: Visitor) -> None:
    login = start()
    signed_in.open(login.url())
    signed_in.deny()
    signed_in.sees("Not signed in")
    code, out, err = login.end()
    assert (code, out) == (4, "")
    assert "denied" in err
    assert login.cache.list() == []


def test_a_code_is_approved_on_the_page_whose_address_was_shown(
    start: Callable[..., Login], signed_in: Visitor
) -> None:
    login = start("--use-device-code", browser=False)
    assert login.process.stderr is not None
    shown = ""
    while "?user_code=" not in shown:
        shown = login.process.stderr.readline()
        assert shown, "the command ended"
    signed_in.open(shown.strip())
    expect(signed_in.page.get_by_text("postern-demo")).to_be_visible()
    signed_in.approve()
    signed_in.sees("Approved")
    assert login.end()[0] == 0
    assert len(login.cache.list()) == 1
