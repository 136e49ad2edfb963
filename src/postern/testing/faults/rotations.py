"""F18: the key ring is rotated under load, again and again, and its old keys go when nothing can need them."""

import base64
import contextlib
import json
import time

from postern.testing import clocked
from postern.testing.faults.botocore_like import Traffic
from postern.testing.faults.clocks import Mover
from postern.testing.faults.kills import prove_all, watched
from postern.testing.faults.load import steady, under_load
from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes
from postern.testing.faults.trial import Trial
from postern.testing.wire import Connection, PersonAtBrowser, WireClient

LEAD = 3
_RENEWAL = 1.0
_MARGIN = 0.5
_DAY = 86_400
_LONGEST_LIFE = 91 * _DAY
_OK = 200
_SETTINGS = {"POSTERN_KEYS__PUBLISH_LEAD": str(LEAD)}


def rotate_keys(trial: Trial) -> None:
    dose, findings = trial.dose, trial.findings
    nodes = Nodes(trial, 2, settings=_SETTINGS)
    nodes.add_person()
    mover = Mover(trial, 2)
    try:
        for number, file in enumerate(mover.files):
            nodes.start(number, program=clocked.program(file))
        with watched(trial) as oracle:
            with under_load(trial, nodes, oracle) as traffic:
                for cycle in range(dose.cycles):
                    _rotate(trial, nodes)
                    trial.say(f"{cycle + 1} of {dose.cycles} rotations")
            findings.require(not traffic.server_errors, f"{traffic.server_errors} answers were 5xx")
            for how in traffic.gave_up:
                findings.fault(f"a request failed: {how}")
            prove_all(trial, nodes, oracle)
        if trial.store.keeps_time:
            findings.notes.append("that old keys go is not tried: time is the database's")
            return
        mover.forward(_LONGEST_LIFE + 2 * _DAY)
        _prove_old_keys_gone(trial, nodes)
    finally:
        nodes.kill_all()


def _rotate(trial: Trial, nodes: Nodes) -> None:
    """Every node publishes the key, and only then some node uses it."""
    key_id = json.loads(nodes.run("keys", "rotate", "--json"))["key_id"]
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(Connection(port))) for port in nodes.ports]
        published: dict[Connection, float] = {}
        deadline = time.monotonic() + LEAD + 10
        while time.monotonic() < deadline:
            for connection in connections:
                if connection not in published and _publishes(connection, key_id):
                    published[connection] = time.monotonic()
            if key_id in map(_signing_key, connections):
                break
            time.sleep(0.05)
        used = time.monotonic()
    if len(published) < len(connections):
        trial.findings.fault("a key was used before every node had published it")
        return
    lead = used - max(published.values())
    trial.findings.require(lead >= LEAD - _RENEWAL - _MARGIN, f"a key was used {lead:.2f} s after it was published")
    trial.findings.acknowledge()


def _publishes(connection: Connection, key_id: str) -> bool:
    keys = json.loads(connection.send("GET", "/.well-known/jwks.json").body)["keys"]
    return any(str(key["kid"]).startswith(key_id) for key in keys)


def _signing_key(connection: Connection) -> str:
    """The key that registrations are made with now: a client id begins with its key's."""
    client_id = WireClient(connection, "").credentials["clientId"]
    return base64.urlsafe_b64decode(client_id[:8])[:4].hex()


def _prove_old_keys_gone(trial: Trial, nodes: Nodes) -> None:
    """All that was made with them has ended; people can still sign in."""
    deadline = time.monotonic() + 10
    while (left := trial.store.number("SELECT count(*) FROM ring_key")) > 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    trial.findings.require(left <= 2, f"{left} keys are left after the life of all that they had made")
    with contextlib.closing(steady(nodes, Traffic())) as connection:
        person, client = PersonAtBrowser(connection, PERSON, PASSWORD), WireClient(connection, f"{nodes.url}/start")
        started = client.start()
        trial.findings.require(person.decide(started["userCode"]), "an approval was refused")
        trial.findings.require(client.redeem(started["deviceCode"]).status == _OK, "a device code was refused")
