"""Why a page is not shown, as exceptions. `endpoint` turns each into a response, in one place."""

from collections.abc import Iterable, Mapping


class PageRefused(Exception):
    """Answered with ``error.html``. ``reason`` goes to the log, everything else is shown; none of it echoes input."""

    def __init__(
        self,
        status: int,
        title: str,
        message: str,
        advice: str | None = None,
        *,
        reason: str = "",
        headers: Mapping[str, str] | None = None,
        return_url: str | None = None,
        return_name: str | None = None,
    ) -> None:
        super().__init__(reason or title)
        self.status = status
        self.title = title
        self.message = message
        self.advice = advice
        self.headers = dict(headers or {})
        self.return_url = return_url
        self.return_name = return_name


class SignInFirst(Exception):
    """Nobody is signed in at this browser; after sign-in the person goes on to ``next_path``."""

    def __init__(self, next_path: str) -> None:
        super().__init__(next_path.partition("?")[0])
        self.next_path = next_path


def bad_request(reason: str, headers: Mapping[str, str] | None = None) -> PageRefused:
    return PageRefused(
        400,
        "This request cannot be read",
        "Something in the address or in the form is not as it should be. Nothing was changed.",
        "Go back and try again, or start anew in your terminal.",
        reason=reason,
        headers=headers,
    )


def stale_page(reason: str) -> PageRefused:
    return PageRefused(
        403,
        "This page is out of date",
        "It was made for another sign-in or another request. Nothing was changed.",
        "Go back, reload the page, and answer again.",
        reason=reason,
    )


def foreign_origin(public_url: str, reason: str) -> PageRefused:
    return PageRefused(
        403,
        "This form came from elsewhere",
        "The server takes forms only from its own pages. Nothing was changed.",
        f"Open {public_url} in an up-to-date browser and try again.",
        reason=reason,
    )


def not_found() -> PageRefused:
    return PageRefused(
        404, "There is no such page", "The address leads nowhere.", "Check it, or start anew in your terminal."
    )


def method_not_allowed(allowed: Iterable[str]) -> PageRefused:
    allow = ", ".join(sorted(allowed))
    return PageRefused(
        405, "That cannot be done here", "This page does not answer requests of that kind.", headers={"Allow": allow}
    )


def unavailable() -> PageRefused:
    return PageRefused(
        503,
        "The server cannot answer now",
        "Its memory is out of reach for the moment. Nothing was changed.",
        "Try again in a few seconds.",
        headers={"Retry-After": "5"},
    )


def busy() -> PageRefused:
    return PageRefused(
        503,
        "The server is busy",
        "More people ask than it can answer at once. Nothing was changed.",
        "Try again in a few seconds.",
        headers={"Retry-After": "5"},
    )


def failed() -> PageRefused:
    return PageRefused(
        500,
        "Something went wrong",
        "The fault is not yours.",
        "Try again. If it stays, tell whoever runs this server the request number below.",
    )
