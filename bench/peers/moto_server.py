"""moto's server, which emulates other APIs of AWS: not this one. A call of STS that writes nothing stands beside the
poll, for what users of emulators are used to.
"""

import time
from pathlib import Path

from bench.measure import Server
from bench.peers.peer import CACHE, NOTHING, POLL, Peer, Request, Seeds, installed, python_version
from bench.servers import url
from bench.signed_requests import FORM
from postern.api.sigv4 import sign

_SETUP = "moto"
_ENVIRONMENT = CACHE / "clients" / "moto"
_BODY = "Action=GetCallerIdentity&Version=2011-06-15"


def _version() -> str:
    return python_version(_ENVIRONMENT, "moto")


def _start(folder: Path, port: int) -> Server:
    program = installed(_ENVIRONMENT / "bin" / "moto_server", _SETUP)
    return Server(["--port", str(port)], {}, url(port), folder / "moto.log", program=program)


def _seed(_: Path, __: int, ___: int, ____: int) -> Seeds:
    """It needs none."""
    return Seeds(client_id="", client_secret="", device_codes=[], refresh_tokens=[])


def _signed(_: Seeds) -> list[str]:
    """It reads who signed and for which service, and does not verify."""
    headers = sign(
        method="POST",
        url="http://127.0.0.1/",
        headers={"Content-Type": FORM},
        body=_BODY.encode(),
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="sts",
        now=time.time(),
    )
    return ["\t".join((headers["Authorization"], headers["X-Amz-Date"], _BODY))]


PEER = Peer(
    name="moto server",
    setup=_SETUP,
    version=_version,
    remark="asked for GetCallerIdentity of STS, which is what users of emulators wait for; its development server, "
    "a thread for each connection, state in memory",
    requests={
        POLL: Request(
            path="/",
            bodies=_signed,
            status=200,
            answer="<GetCallerIdentityResult>",
            kept=NOTHING,
            signed=True,
            note="another API",
        )
    },
    start=_start,
    seed=_seed,
)
