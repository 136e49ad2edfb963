"""Who calls, read from an ASGI scope. Whatever made the scope has already decided which proxies to believe."""

import unicodedata

from starlette.types import Scope

from postern.core.caller import Caller

MAX_USER_AGENT = 400


def caller_of(scope: Scope) -> Caller:
    """The caller of an HTTP request; the address is ``unknown`` where the transport has none (a Unix socket)."""
    client = scope.get("client")
    return Caller(address=client[0] if client else "unknown", user_agent=_user_agent(scope))


def _user_agent(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"user-agent":
            return _presentable(value.decode("latin-1"))
    return ""


def _presentable(text: str) -> str:
    if not text.isprintable():  # PERF: what is printable needs no look at each character
        text = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf"))
    return text[:MAX_USER_AGENT].strip()
