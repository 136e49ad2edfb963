"""F22: stores that are damaged or not this server's. It says in one line why it does not start, and is never empty.

A log that was cut off is the exception: SQLite takes what is whole of it, as after a crash, and so the server starts
with the store of a moment before.
"""

import base64
import random
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping

from postern.testing.faults.kills import prove_all, require_sound, watched
from postern.testing.faults.load import under_load
from postern.testing.faults.nodes import Nodes, running
from postern.testing.faults.stores import SqliteUnderTest
from postern.testing.faults.trial import Trial
from postern.testing.processes import run_command

_PAGE = 4096
_UNFIT = 3
_PATIENCE = 20


def refuse_what_is_damaged(trial: Trial) -> None:
    nodes = Nodes(trial)
    with watched(trial) as oracle, running(nodes):
        for cycle in range(trial.dose.cycles):
            with under_load(trial, nodes, oracle):
                time.sleep(trial.dose.seconds)
            nodes.kill(0)
            if isinstance(trial.store, SqliteUnderTest):
                _cut_log(trial, trial.store, nodes)
                _damage_file(trial, trial.store, nodes)
            _change_what_it_needs(trial, nodes)
            nodes.start(0)
            trial.say(f"{cycle + 1} of {trial.dose.cycles} times each")
        prove_all(trial, nodes, oracle)


def _change_what_it_needs(trial: Trial, nodes: Nodes) -> None:
    another = base64.b64encode(secrets.token_bytes(32)).decode()
    _require_refusal(trial, nodes, "another master key", {"POSTERN_MASTER_KEY__VALUE": another})
    _require_refusal(trial, nodes, "no master key", {"POSTERN_MASTER_KEY__VALUE": ""})
    trial.store.execute(trial.store.later_schema)
    _require_refusal(trial, nodes, "a later schema")
    trial.store.forget_later_schema()


def _cut_log(trial: Trial, store: SqliteUnderTest, nodes: Nodes) -> None:
    store.set_aside()
    size = store.wal.stat().st_size
    with store.wal.open("r+b") as stream:
        stream.truncate(trial.random.randrange(size))
    nodes.start(0)
    require_sound(trial)
    people = store.number("SELECT count(*) FROM user_account")
    trial.findings.require(people == 1, "a store with a log that was cut started empty")
    nodes.kill(0)
    store.put_back()


def _damage_file(trial: Trial, store: SqliteUnderTest, nodes: Nodes) -> None:
    store.set_aside()
    nodes.start(0)
    nodes.stop(0)  # now all of the log is in the file
    whole = store.file.read_bytes()
    for name in trial.random.sample(list(DAMAGES), trial.dose.items):
        damaged = DAMAGES[name](whole, trial.random)
        store.file.write_bytes(damaged)
        _require_refusal(trial, nodes, f"a file {name}")
        trial.findings.require(store.file.read_bytes() == damaged, f"a file {name} was changed")
    store.file.unlink()
    store.wal.write_bytes(whole)
    _require_refusal(trial, nodes, "a log without its file")
    trial.findings.require(not store.file.exists(), "a store was made where one had been")
    store.put_back()


def _overwritten(whole: bytes, chance: random.Random, page: bytes) -> bytes:
    """With another page in the place of one, which is not the first."""
    at = _between_pages(whole, chance)
    return whole[:at] + page + whole[at + _PAGE :]


def _between_pages(whole: bytes, chance: random.Random) -> int:
    return chance.randrange(1, len(whole) // _PAGE) * _PAGE


DAMAGES: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "emptied": lambda whole, _: b"",
    "cut between pages": lambda whole, chance: whole[: _between_pages(whole, chance)],
    "cut within a page": lambda whole, chance: whole[: _between_pages(whole, chance) + chance.randrange(1, _PAGE)],
    "with a page of zeros": lambda whole, chance: _overwritten(whole, chance, bytes(_PAGE)),
    "with a page of noise": lambda whole, chance: _overwritten(whole, chance, chance.randbytes(_PAGE)),
    "without its first page": lambda whole, _: bytes(_PAGE) + whole[_PAGE:],
}


def _require_refusal(trial: Trial, nodes: Nodes, what: str, settings: Mapping[str, str] | None = None) -> None:
    """In one line, with the exit code of a store that is not fit to be used."""
    data = str(trial.folder / "node-0")
    command = ("serve", "--port", str(nodes.ports[0]), "--data", data)
    try:
        done = run_command(*command, settings={**nodes.settings, **(settings or {})}, patience=_PATIENCE)
    except subprocess.TimeoutExpired:
        trial.findings.fault(f"{what}: it started")
        return
    trial.findings.acknowledge()
    trial.findings.require(done.returncode == _UNFIT, f"{what}: exit code {done.returncode}")
    lines = done.stderr.strip().splitlines()
    trial.findings.require(len(lines) == 1, f"{what}: {len(lines)} lines on standard error")
    trial.findings.require("ready " not in done.stdout, f"{what}: it said that it was ready")
