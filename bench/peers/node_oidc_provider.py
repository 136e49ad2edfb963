"""node-oidc-provider, on the in-memory adapter that it comes with."""

import json
import urllib.request
from pathlib import Path

import msgspec

from bench.client import NODE
from bench.measure import Server
from bench.peers.peer import APPS, CACHE, Peer, Seeds, device_flow, installed
from bench.servers import url

_SETUP = "node-oidc-provider"
_MODULES = CACHE / "bench" / "node-oidc-provider" / "node_modules"


def _version() -> str:
    return str(json.loads((_MODULES / "oidc-provider" / "package.json").read_text())["version"])


def _start(folder: Path, port: int) -> Server:
    installed(_MODULES / "oidc-provider", _SETUP)
    return Server(
        [str(APPS / "node_oidc_provider.mjs"), str(port)],
        {"NODE_PATH": str(_MODULES), "NODE_ENV": "production"},
        url(port),
        folder / "node-oidc-provider.log",
        program=NODE,
    )


def _seed(_: Path, port: int, codes: int, tokens: int) -> Seeds:
    wanted = json.dumps({"codes": codes, "tokens": tokens}).encode()
    with urllib.request.urlopen(url(port + 1), wanted, timeout=30) as answer:
        return msgspec.json.decode(answer.read(), type=Seeds)


PEER = Peer(
    name="node-oidc-provider",
    setup=_SETUP,
    version=_version,
    remark="Node.js, one process, opaque tokens; state in memory, where the adapter that it comes with drops what was "
    "not used for longest above 1,000 entries",
    requests=device_flow(
        token="/token",
        device_authorization="/device/auth",
        registration="/reg",
        scope="accounts offline_access",
        kept="no: in memory",
    ),
    start=_start,
    seed=_seed,
    polled=200,  # two entries each, below what the adapter drops
)
