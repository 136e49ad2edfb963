"""Credentials that are kept for as long as they live, and renewed in time."""

import os
import threading
from collections.abc import Callable
from typing import Protocol

from postern.client.credentials.model import Credentials
from postern.client.effects import Flow, Sleep
from postern.client.errors import ClientError, CredentialsError

REFRESH_WINDOW = 300.0
RETRY_PAUSE = 60.0
_TURN_PAUSE = 0.01


class Resolver(Protocol):
    def resolve(self) -> Flow[Credentials]: ...


class RefreshingCredentials:
    """Keeps what ``source`` resolved until `REFRESH_WINDOW` seconds before it expires.

    For any number of threads and tasks, of which one refreshes at a time; the others go on with the old ones for as
    long as these live. A refresh that fails is tried again after `RETRY_PAUSE` seconds. A forked child waits for no
    thread of its parent.
    """

    def __init__(self, source: Resolver, now: Callable[[], float]) -> None:
        self._source = source
        self._now = now
        self._kept: Credentials | None = None
        self._refused = ""
        self._refresh_at = 0.0
        self._start()

    def _start(self) -> None:
        self._turn = threading.Lock()
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"RefreshingCredentials({self._source!r})"

    def resolve(self) -> Flow[Credentials]:
        """
        Raises:
            CredentialsError: there are none, or none that have not expired.
        """
        if self._process != os.getpid():
            self._start()
        turn = self._turn
        # The turn is awaited by trying, and not by a blocking `Call`: under asyncio each of these would hold a thread
        # of the pool that the one who refreshes may need for a child process.
        while not turn.acquire(blocking=False):
            kept = self._usable()
            if kept is not None and (kept.expires_at is None or self._now() < kept.expires_at):
                return kept
            yield Sleep(_TURN_PAUSE)
        try:
            return (yield from self._fresh())
        finally:
            turn.release()

    def expire(self, access_key_id: str) -> None:
        """Do not give those with this id again. Others, which may have been fetched meanwhile, are kept."""
        kept = self._kept
        if kept is not None and kept.access_key_id == access_key_id:
            self._refused = access_key_id

    def _usable(self) -> Credentials | None:
        kept = self._kept
        return None if kept is None or kept.access_key_id == self._refused else kept

    def _fresh(self) -> Flow[Credentials]:
        old = self._usable()
        if old is not None and (old.expires_at is None or self._now() < self._refresh_at):
            return old
        try:
            new = yield from self._refresh()
        except ClientError as error:
            old = self._usable()
            if old is None or old.expires_at is None or self._now() >= old.expires_at:
                raise
            self._log_failure(error)
            new = old
        self._refresh_at = self._when_due(new)
        self._kept = new
        if self._refused == new.access_key_id:
            self._refused = ""  # there are no others
        return new

    def _refresh(self) -> Flow[Credentials]:
        new = yield from self._source.resolve()
        if new.expires_at is not None and new.expires_at <= self._now():
            raise CredentialsError(f"{new.source or 'the provider'}: the credentials found there have expired")
        return new

    def _when_due(self, credentials: Credentials) -> float:
        if credentials.expires_at is None:
            return 0.0
        return min(credentials.expires_at, max(credentials.expires_at - REFRESH_WINDOW, self._now() + RETRY_PAUSE))

    def _log_failure(self, error: ClientError) -> None:
        import logging

        logging.getLogger("postern.client.credentials").warning(
            "Credentials could not be refreshed, the old ones are used until they expire: %s", error
        )
