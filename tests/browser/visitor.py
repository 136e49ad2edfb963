"""A person with a browser of their own: no cookie of another test is in it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect

_PATIENCE = 10  # seconds
# What Chromium says of every page that is not a 2xx; such pages are what many tests are about.
_REFUSALS = "Failed to load resource: the server responded with a status of"


class Person(msgspec.Struct, frozen=True):
    user_name: str
    password: str


class Visitor:
    """``complaints`` holds what the browser said on its console, and errors of scripts."""

    def __init__(self, context: BrowserContext, endpoint: str, person: Person) -> None:
        self.context = context
        self.endpoint = endpoint
        self.person = person
        self.complaints: list[str] = []
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", self._dismiss)
        self.page = context.new_page()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.location["url"].endswith("/favicon.ico"):
            return  # of a site that may be gone already
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSALS):
            self.complaints.append(message.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def new_tab(self) -> "Visitor":
        """The same person in another tab."""
        tab = object.__new__(Visitor)
        tab.context, tab.endpoint, tab.person = self.context, self.endpoint, self.person
        tab.complaints, tab.page = self.complaints, self.context.new_page()
        return tab

    def open(self, url: str = "/start") -> Page:
        """A page of the server, signing in on the way when asked to."""
        self.goto(url)
        if self.page.get_by_label("Password").count():
            self.sign_in()
        return self.page

    def goto(self, url: str) -> Page:
        self.page.goto(url if "://" in url else f"{self.endpoint}{url}")
        return self.page

    def await_page(self, url: str, heading: str) -> None:
        """Ask for a page until it is there: a server reads credential sources once in a second."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            self.goto(url)
            if self.page.get_by_role("heading", level=1).inner_text() == heading:
                return
            assert time.monotonic() < deadline, f"{url} does not come"

    def sign_in(self, person: Person | None = None, *, password: str | None = None) -> None:
        """Fill in the form that is shown; the next page may be the same form again."""
        who = person or self.person
        self.page.get_by_label("Username").fill(who.user_name)
        self.page.get_by_label("Password").fill(who.password if password is None else password)
        self.button("Sign in").click()
        self.page.wait_for_load_state()

    def enter_code(self, typed: str) -> None:
        self.page.get_by_label("Code").fill(typed)
        self.button("Continue").click()

    def change_password(self, new: str, *, current: str | None = None) -> None:
        """Fill in the form that is shown; the next page may be the same form again."""
        typed = {
            "Current password": self.person.password if current is None else current,
            "New password": new,
            "New password again": new,
        }
        for label, text in typed.items():
            self.page.get_by_label(label, exact=True).fill(text)
        self.button("Change password").click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def approve(self) -> None:
        self.button("Approve").click()

    def deny(self) -> None:
        self.button("Deny").click()

    def sign_out(self) -> None:
        self.button("Sign out").click()
        self.sees("Signed out")

    def sees(self, heading: str) -> None:
        """The page that is there, or comes, has this heading."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def is_told(self, text: str) -> None:
        expect(self.page.get_by_role("alert")).to_contain_text(text)

    def await_complaints(self, number: int) -> None:
        """The browser says that much at least, sooner or later: what it says comes beside what it does."""
        deadline = time.monotonic() + _PATIENCE
        while len(self.complaints) < number:
            assert time.monotonic() < deadline, f"only {len(self.complaints)} of {number}: {self.complaints}"
            self.page.wait_for_timeout(50)

    def cookies(self) -> Mapping[str, Any]:
        return {cookie["name"]: cookie for cookie in self.context.cookies(self.endpoint)}

    def slow_down(self) -> None:
        """From now on this tab's answers take a while, so that a hurried person has time to click twice."""
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        conditions = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", conditions)
