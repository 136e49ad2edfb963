"""Kill -9 under load, again and again: ``python -m postern.testing.kill --rounds 200``.

Clients sign in and refresh over HTTP and write every answer to a journal, with fsync, before they go on. The server is
killed at a random moment and started again. Then every acknowledged refresh token must work, and none that was
consumed may be accepted again outside the replay window.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from postern.testing.processes import WITHOUT_LIMITS, ServerProcess, free_port, run_command
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient

WINDOW = 6
CLIENTS = 4
READY_WITHIN = 2.0
PASSWORD = "a password for the load"
SETTINGS = WITHOUT_LIMITS | {"POSTERN_LIFETIMES__REPLAY_WINDOW": str(WINDOW), "POSTERN_LOG__REQUESTS": "false"}


@dataclass
class SignIn:
    """What a client was told of one sign-in: the latest refresh token, and what it consumed to get it."""

    client: WireClient
    device_code: str
    refresh_token: str
    consumed: list[str] = field(default_factory=list)
    moved_at: float = 0.0


@dataclass
class Findings:
    """What was seen; ``faults`` is empty when all promises held."""

    rounds: int = 0
    sign_ins: int = 0
    rotations: int = 0
    checked: int = 0
    refused_replays: int = 0
    slowest_start: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.rounds} kills, {self.sign_ins} sign-ins and {self.rotations} rotations acknowledged, "
            f"{self.checked} tokens found good after a kill, {self.refused_replays} replays refused, "
            f"slowest start {self.slowest_start:.2f} s, {len(self.faults)} faults"
        )


class Journal:
    """Acknowledgements, on disk before the client acts on them."""

    def __init__(self, file: Path) -> None:
        self._stream: TextIO = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, **entry: str) -> None:
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


class KillTest:
    """Rounds of load, kill, restart and proof on one data folder."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.findings = Findings()
        self._data = folder / "data"
        self._port = free_port()
        self._random = random.Random(seed)  # noqa: S311
        self._journal = Journal(folder / "journal.jsonl")
        self._fresh: list[SignIn] = []
        self._old: list[SignIn] = []
        self._browser: PersonAtBrowser | None = None
        added = run_command("user", "add", "load", "--password-stdin", "--data", str(self._data), stdin=PASSWORD)
        assert added.returncode == 0, added.stderr

    def run(self, rounds: int, progress: Callable[[Findings], None] = lambda findings: None) -> Findings:
        server = self._start()
        try:
            for _ in range(rounds):
                self._load_and_kill(server)
                self.findings.rounds += 1
                server = self._start()
                self._prove_latest()
                self._prove_integrity()
                self._prove_replays_refused()
                progress(self.findings)
            time.sleep(WINDOW + 2)
            self._prove_replays_refused()
        finally:
            server.kill()
            self._journal.close()
        return self.findings

    def _start(self) -> ServerProcess:
        server = ServerProcess(self._data, port=self._port, settings=SETTINGS)
        self.findings.slowest_start = max(self.findings.slowest_start, server.ready_after)
        if server.ready_after > READY_WITHIN:
            self.findings.faults.append(f"ready only after {server.ready_after:.2f} s")
        if self._browser is None:
            with contextlib.closing(Connection(self._port)) as connection:
                self._browser = PersonAtBrowser(connection, "load", PASSWORD)
        return server

    # Load

    def _load_and_kill(self, server: ServerProcess) -> None:
        browser = self._browser
        assert browser is not None
        begun: list[list[SignIn]] = [[] for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self._client, args=(server, browser, mine)) for mine in begun]
        for thread in threads:
            thread.start()
        time.sleep(self._random.uniform(0.25, 0.9))
        server.kill()
        for thread in threads:
            thread.join(30)
        self._fresh = [sign_in for mine in begun for sign_in in mine]
        self.findings.sign_ins += len(self._fresh)
        self.findings.rotations += sum(len(sign_in.consumed) for sign_in in self._fresh)

    def _client(self, server: ServerProcess, browser: PersonAtBrowser, mine: list[SignIn]) -> None:
        """Signs in and refreshes until the connection breaks."""
        connection, pages = Connection(server.port), Connection(server.port)
        person = browser.over(pages)
        broken = contextlib.suppress(OSError, http.client.HTTPException)
        with contextlib.closing(connection), contextlib.closing(pages), broken:
            client = WireClient(connection, f"{server.url}/start")
            while True:
                self._sign_in(client, person, mine)

    def _sign_in(self, client: WireClient, person: PersonAtBrowser, mine: list[SignIn]) -> None:
        started = client.start()
        if not person.decide(started["userCode"]):
            self.findings.faults.append("an approval was refused")
            return
        self._journal.note(event="approved", device_code=started["deviceCode"])
        answer = client.redeem(started["deviceCode"])
        if not self._is_good(answer, "an approved device code was refused"):
            return
        sign_in = SignIn(client, started["deviceCode"], answer.members["refreshToken"], moved_at=time.time())
        self._journal.note(event="redeemed", device_code=sign_in.device_code, refresh_token=sign_in.refresh_token)
        mine.append(sign_in)
        for _ in range(3):
            answer = client.refresh(sign_in.refresh_token)
            if not self._is_good(answer, "a latest refresh token was refused under load"):
                return
            self._moved(sign_in, answer)

    def _moved(self, sign_in: SignIn, answer: Answer) -> None:
        successor = answer.members["refreshToken"]
        self._journal.note(event="rotated", consumed=sign_in.refresh_token, refresh_token=successor)
        sign_in.consumed.append(sign_in.refresh_token)
        sign_in.refresh_token, sign_in.moved_at = successor, time.time()

    def _is_good(self, answer: Answer, fault: str) -> bool:
        if answer.status != 200:
            self.findings.faults.append(f"{fault}: {answer.status} {answer.error}")
        return answer.status == 200

    # Proof

    def _prove_latest(self) -> None:
        """Each works; and, the rotation having been sent before the kill or not, it leads to one successor only."""
        with contextlib.closing(Connection(self._port)) as connection:
            for sign_in in self._fresh:
                client = sign_in.client = sign_in.client.over(connection)
                answers = [client.refresh(sign_in.refresh_token) for _ in range(2)]
                if not all(self._is_good(answer, "an acknowledged refresh token was lost") for answer in answers):
                    continue
                if len({answer.members["refreshToken"] for answer in answers}) != 1:
                    self.findings.faults.append("a refresh token has two successors")
                self._moved(sign_in, answers[0])
                self.findings.checked += 1
        self._old += self._fresh

    def _prove_replays_refused(self) -> None:
        """Of each sign-in one consumed secret, the device code or a refresh token, when its window is long over."""
        due = [sign_in for sign_in in self._old if time.time() > sign_in.moved_at + WINDOW + 1.5]
        self._old = [sign_in for sign_in in self._old if sign_in not in due]
        with contextlib.closing(Connection(self._port)) as connection:
            for sign_in in due:
                client = sign_in.client.over(connection)
                secret = self._random.choice([sign_in.device_code, *sign_in.consumed])
                by_code = secret == sign_in.device_code
                answer = client.redeem(secret) if by_code else client.refresh(secret)
                latest = client.refresh(sign_in.refresh_token)
                if answer.status == 200:
                    self.findings.faults.append("a consumed secret was accepted again")
                elif answer.error != "InvalidGrantException" or latest.error != "InvalidGrantException":
                    self.findings.faults.append(f"a replay was answered {answer.error}, then {latest.error}")
                else:
                    self.findings.refused_replays += 1

    def _prove_integrity(self) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{self._data / 'postern.db'}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            self.findings.faults.append(f"integrity_check: {verdict}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m postern.testing.kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="kills (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--folder", type=Path, help="an empty folder to keep data, journal and log in")
    options = parser.parse_args(arguments)

    def progress(findings: Findings) -> None:
        if findings.rounds % 10 == 0:
            sys.stdout.write(f"{findings}\n")
            sys.stdout.flush()

    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postern-kill-")))
        folder.mkdir(parents=True, exist_ok=True)
        findings = KillTest(folder, options.seed).run(options.rounds, progress)
    sys.stdout.write("\n".join([*sorted(set(findings.faults)), str(findings)]) + "\n")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
