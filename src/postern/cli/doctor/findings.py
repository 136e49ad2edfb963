"""What an examination finds, and what is examined."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from postern.cli import sign_ins
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig

if TYPE_CHECKING:
    from postern.client.token_cache import CachedToken, TokenCache

Severity = Literal["ok", "warn", "problem"]


class Finding(NamedTuple):
    """``check`` is what was looked at; ``advice`` what to do, or empty."""

    check: str
    severity: Severity
    text: str
    advice: str = ""


class Case(NamedTuple):
    """``session`` is None when none could be told. ``now`` gives Unix seconds."""

    environment: Mapping[str, str]
    shared: SharedConfig
    session: Session | None
    cache: "TokenCache"
    now: Callable[[], float]

    @property
    def token(self) -> "CachedToken | None":
        """The session's own."""
        return self.cache.load(self.session.key) if self.session else None


def ok(check: str, text: str, advice: str = "") -> Finding:
    return Finding(check, "ok", text, advice)


def warn(check: str, text: str, advice: str) -> Finding:
    return Finding(check, "warn", text, advice)


def problem(check: str, text: str, advice: str) -> Finding:
    return Finding(check, "problem", text, advice)


def login_command(case: Case, more: str = "") -> str:
    """What to run to sign in, in backquotes."""
    assert case.session is not None
    return sign_ins.login_command(case.session, case.shared, case.cache, more)


def logout_command(case: Case) -> str:
    """The same to sign out."""
    return login_command(case).replace(" login", " logout", 1)
