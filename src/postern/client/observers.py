"""Who is told of calls and attempts, whatever they are about: the request log and client-side monitoring."""

from typing import Protocol

import msgspec

from postern.client.request import BaseRequest


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a call: when it began (Unix seconds), how long it took (seconds), and the error it ended in.

    ``request.response.http_response`` is its answer, if one came.
    """

    started_at: float
    latency: float
    error: Exception | None
    access_key_id: str | None


class Observer(Protocol):
    """Must not raise and must not block."""

    def attempted(self, request: BaseRequest, attempt: Attempt) -> None: ...

    def completed(self, request: BaseRequest, started_at: float) -> None:
        """``request.response`` says how it ended."""
