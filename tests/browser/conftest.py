"""Fixtures: real servers, a real browser, and a visitor with a fresh context for each test.

Playwright's synchronous API keeps an event loop running in the thread of the tests, so the browser is closed at the
end of each module: asynchronous tests may come next.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from postern.testing.processes import ServerProcess, free_port, run_command
from tests.browser.clients import Oidc
from tests.browser.visitor import Person, Visitor

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The browser comes from 127.0.0.1 and is no proxy; a client may say that it comes from elsewhere.
SETTINGS = {"POSTERN_SERVER__TRUSTED_PROXIES": "127.0.0.1", "POSTERN_LIMITS__SIGN_IN_PER_MINUTE": "0"}
HASTY = SETTINGS | {"POSTERN_LIFETIMES__DEVICE_CODE": "3"}


class Place:
    """A server, boto3 connected to it, and its people."""

    def __init__(self, data: Path, settings: dict[str, str], *, scheme: str = "http") -> None:
        port = free_port()
        self.url = f"{scheme}://127.0.0.1:{port}"
        settings = settings | {"POSTERN_SERVER__PUBLIC_URL": self.url}
        self.server = ServerProcess(data, command="demo", port=port, settings=settings)
        self.demo_cookies: StorageState | None = None
        self.oidc = Oidc(self.url, certificate=settings.get("POSTERN_SERVER__TLS_CERTIFICATE"))

    @property
    def demo(self) -> Person:
        user = msgspec.json.decode((self.server.data / "demo" / "user.json").read_bytes())
        return Person(user["username"], user["password"])

    def add_person(self) -> Person:
        """Somebody whom no other test knows."""
        person = Person(f"mira-{secrets.token_hex(4)}", secrets.token_hex(16))
        self.command("user", "add", person.user_name, "--password-stdin", stdin=person.password)
        return person

    def command(self, *arguments: str, stdin: str = "") -> None:
        done = run_command(*arguments, "--data", str(self.server.data), stdin=stdin)
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        self.oidc.close()
        assert self.server.stop() == 0
        assert "Traceback" not in self.server.log.read_text("utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("browser") / "data", SETTINGS)
    yield place
    place.close()


@pytest.fixture(scope="session")
def hasty_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Its device codes live for three seconds."""
    place = Place(tmp_path_factory.mktemp("hasty") / "data", HASTY)
    yield place
    place.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        reason = "no Chromium: run scripts/setup chromium"
        if os.environ.get("POSTERN_REQUIRE_CLIENTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo_cookies(browser: Browser, place: Place) -> StorageState:
    """Of a browser in which the demo person has signed in; done once for all modules."""
    if place.demo_cookies is None:
        context = browser.new_context()
        Visitor(context, place.url, place.demo).open()
        place.demo_cookies = context.storage_state()
        context.close()
    return place.demo_cookies


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, place: Place, demo_cookies: StorageState) -> Iterator[Visit]:
    """Makes visitors: ``visit(person, endpoint, **options of the context)``, or ``visit(signed_in=True)`` for the demo
    person. Their browsers must have nothing to complain about, unless the test empties ``complaints``.
    """
    visitors: list[Visitor] = []

    def new_visitor(
        person: Person | None = None, endpoint: str = "", *, signed_in: bool = False, **options: Any
    ) -> Visitor:
        if signed_in:
            options["storage_state"] = demo_cookies
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        visitor = Visitor(context, endpoint or place.url, person or place.demo)
        visitors.append(visitor)
        return visitor

    yield new_visitor
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """The demo person at the server."""
    return visit()


@pytest.fixture
def signed_in(visit: Visit) -> Visitor:
    """The demo person, signed in already. Who signs out here signs out the next test: take ``visitor`` for that."""
    return visit(signed_in=True)


@pytest.fixture
def hasty_visitor(visit: Visit, hasty_place: Place) -> Visitor:
    return visit(hasty_place.demo, hasty_place.url)
