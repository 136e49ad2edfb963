"""Credentials that another program prints: ``credential_process`` of a profile."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from postern.client.credentials.documents import credentials_in, read_document
from postern.client.credentials.model import Credentials
from postern.client.credentials.profile import Profile
from postern.client.credentials.redaction import redacted
from postern.client.effects import Call, Flow
from postern.client.errors import CredentialsError

if TYPE_CHECKING:
    from subprocess import Popen

_TIMEOUT = 60.0
_LOOK_EVERY = 0.1
_VERSION = 1


class ProcessCredentials:
    """Runs the program without a shell; words are split as a POSIX shell does. It may take ``timeout`` seconds."""

    name = "process"

    def __init__(self, profile: Profile, environment: Mapping[str, str], *, timeout: float = _TIMEOUT) -> None:
        self._profile = profile
        self._environment = environment
        self._timeout = timeout

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: the program cannot be started, takes too long, fails, or prints no credentials. The text
                names the program without its arguments, which may be secret.
        """
        line = self._profile.settings.get("credential_process")
        if not line:
            return None
        run = Run(_words(line), self._environment, self._timeout)
        output: bytes = yield Call(run, run.cancel)
        document = read_document(output)
        if document.version != _VERSION:
            raise CredentialsError(f"{run.program} printed version {document.version} of credentials, not {_VERSION}")
        return credentials_in(document, source=f"{self.name} ({self._profile})")


class Run:
    """One run of a program; to be called once. ``cancel`` may be called by another thread at any time."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> None:
        self.program = words[0]
        self._words = words
        self._environment = environment
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: Popen[bytes] | None = None
        self._is_cancelled = False

    def __call__(self) -> bytes:
        """What it prints.

        Raises:
            CredentialsError: it fails, in one of many ways.
        """
        process = self._start()
        try:
            output, errors = self._outcome(process)
        finally:
            _end(process)
        if process.returncode != 0:
            says = redacted(errors.decode(errors="replace"))
            raise CredentialsError(f"{self.program} ended with status {process.returncode}{says and f': {says}'}")
        return output

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def _outcome(self, process: "Popen[bytes]") -> tuple[bytes, bytes]:
        """What it prints to its two outputs.

        Raises:
            CredentialsError: it takes too long, or the run was cancelled.
        """
        import time
        from subprocess import TimeoutExpired

        deadline = time.monotonic() + self._timeout
        # A program that it started may hold its outputs open after it was killed: their end is no sign to wait for.
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                outcome = process.communicate(timeout=min(_LOOK_EVERY, remaining))
            except TimeoutExpired:
                outcome = None
            if self._is_cancelled:
                raise CredentialsError(f"{self.program} was cancelled")
            if outcome is not None:
                return outcome
        raise CredentialsError(f"{self.program} took longer than {self._timeout:g} seconds")

    def _start(self) -> "Popen[bytes]":
        import subprocess

        with self._lock:
            if self._is_cancelled:
                raise CredentialsError(f"{self.program} was not started: cancelled")
            try:
                self._process = subprocess.Popen(  # noqa: S603  # the user's own configuration names it
                    self._words, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
            except OSError as error:
                raise CredentialsError(f"{self.program} cannot be started: {error.strerror}") from None
            return self._process


def _words(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        raise CredentialsError("credential_process has a quote that is not closed") from None
    if not words:
        raise CredentialsError("credential_process names no program")
    return words


def _end(process: "Popen[bytes]") -> None:
    """Kill it, if it still runs, and close its pipes, whoever holds their other ends."""
    if process.returncode is not None:
        return
    process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
