"""Who calls, read from an ASGI scope. Whatever made the scope has already decided which proxies to believe."""

import unicodedata

from postern.core.caller import Caller
from postern.server.asgi import Scope

MAX_USER_AGENT = 400


def caller_of(scope: Scope) -> Caller:
    """The caller of an HTTP request."""
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return caller_at(address_of(scope), agent)


def address_of(scope: Scope) -> str:
    """``unknown`` where the transport has none (a Unix socket)."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def caller_at(address: str, user_agent: bytes) -> Caller:
    return Caller(address=address, user_agent=_presentable(user_agent.decode("latin-1")))


def _presentable(text: str) -> str:
    if not text.isprintable():  # PERF: what is printable needs no look at each character
        text = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf"))
    return text[:MAX_USER_AGENT].strip()
