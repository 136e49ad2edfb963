"""What a fault is given and what it reports: its dose, the store under test, and the findings that become a row of the
table.
"""

import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from postern.testing.faults.stores import StoreUnderTest


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a fault; no fault uses all of it. ``window`` is the replay window in seconds, ``replays`` whether its
    end is waited for, to prove that consumed secrets are refused then. Time limits
    are multiplied by ``patience``.
    """

    cycles: int = 1
    seconds: float = 1.0
    rate: int = 200
    clients: int = 8
    items: int = 0
    workers: int = 1
    window: int = 6
    replays: bool = True
    patience: float = 1.0


@dataclass
class Findings:
    """What was seen. ``faults`` is empty when all promises held."""

    acknowledged: int = 0
    lost: int = 0
    double_spent: int = 0
    server_errors: int = 0
    recovery: float | None = None
    patience: float = 1.0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, text: str) -> None:
        with self._lock:
            self.faults.append(text)

    def is_lost(self, text: str) -> None:
        """Something that was acknowledged is not there."""
        with self._lock:
            self.lost += 1
            self.faults.append(text)

    def is_double_spent(self, text: str) -> None:
        """Something that was consumed was good once more, or for two."""
        with self._lock:
            self.double_spent += 1
            self.faults.append(text)

    def acknowledge(self, number: int = 1) -> None:
        with self._lock:
            self.acknowledged += number

    def recovered(self, seconds: float, within: float, what: str) -> None:
        """Note how long it took; the slowest counts."""
        with self._lock:
            self.recovery = max(seconds, self.recovery or 0.0)
            if seconds > within * self.patience:
                self.faults.append(f"{what} more than {within * self.patience:g} s")

    def require(self, promise: bool, text: str) -> None:
        if not promise:
            self.fault(text)


class Skipped(Exception):
    """The fault cannot be done here; the text says why."""


class ProgramMissing(Skipped):
    """A program is not there that `scripts/setup clients` would have set up."""


@dataclass
class Trial:
    """One fault on one store. ``folder`` is empty and its own; ``say`` shows progress."""

    folder: Path
    store: StoreUnderTest
    dose: Dose
    random: random.Random
    say: Callable[[str], None]
    findings: Findings = field(init=False)
    master_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self.findings = Findings(patience=self.dose.patience)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the programme. ``promise`` is what must hold, ``words`` a dose in words, with the members of
    `Dose` in braces. ``loses`` says that it shows what must be expected to be lost.
    """

    name: str
    title: str
    promise: str
    stores: tuple[str, ...]
    run: Callable[[Trial], None]
    short: Dose
    full: Dose
    words: str
    loses: bool = False

    def in_words(self, dose: Dose) -> str:
        """A dose as the report says it."""
        words = self.words.format(**msgspec.structs.asdict(dose))
        return words if dose.patience == 1 else f"{words}; time limits times {dose.patience:g}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report."""

    fault: str
    title: str
    store: str
    dose: str
    acknowledged: int
    lost: int
    double_spent: int
    recovery: float | None
    server_errors: int
    faults: list[str]
    notes: list[str]
    took: float
