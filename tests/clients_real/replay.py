"""Plays a recording against a server: each request in its order, with its pauses, headers and bytes; what the server
answers fills the placeholders of what comes after. The person decides where the recorded one did.
"""

import json
import re
import time
import uuid
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clients_real.flows import PRESENTED_URI, Pkce
from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE
from tests.clients_real.servers import Server
from tests.clients_real.wire import Answer, send

RECORDED = Path(__file__).with_name("recorded")
_LONGEST_PAUSE = 1.05
_SIGNED_HEADERS = re.compile(r"SignedHeaders=([^,]+), ")


class Request(msgspec.Struct, frozen=True):
    """One recorded request, and how the stub of that time answered."""

    pause: float
    method: str
    target: str
    headers: list[str]
    body: str
    status: int
    error: str | None

    @property
    def is_poll(self) -> bool:
        return DEVICE_CODE in self.body

    @property
    def is_with_iam(self) -> bool:
        return self.target == "/token?aws_iam=t"

    @property
    def is_of_sts(self) -> bool:
        return self.target == "/"


class Recording(msgspec.Struct, frozen=True):
    client: str
    is_sign_in: bool
    requests: list[Request]


Headers = list[tuple[str, str]]


def load(name: str) -> Recording:
    return msgspec.json.decode((RECORDED / f"{name}.json").read_bytes(), type=Recording)


class Player:
    """``known`` are the values of placeholders; ``answers`` what came back, in order."""

    def __init__(self, server: Server, person: Person, recording: Recording) -> None:
        self.server = server
        self.person = person
        self.recording = recording
        self.known: dict[str, str] = {"startUrl": server.user["start_url"], "signature": "0" * 64}
        self.access_tokens: list[str] = []
        self.answers: list[tuple[Request, Answer]] = []
        self.callbacks: list[str] = []
        self._device_url = ""
        self._polled = False

    def play(self) -> None:
        requests = self.recording.requests
        for number, request in enumerate(requests):
            if request.target.startswith("/authorize?"):
                redeemed = number + 1 < len(requests) and "authorization_code" in requests[number + 1].body
                self._authorize(request, "approve" if redeemed else "deny")
                continue
            if request.is_poll:
                self._before_poll(request)
            answer = self.send(request)
            self.answers.append((request, answer))
            self._learn(request, answer)

    def send(self, request: Request) -> Answer:
        """Exactly as recorded, but for what must differ."""
        if request.target == "/logout":
            self.known["accessToken"] = self.access_tokens.pop()
        body = Template(request.body).substitute(self.known).encode()
        filled = self.known | {
            "host": urlsplit(self.server.endpoint).netloc,
            "contentLength": str(len(body)),
            "bodySha256": sha256(body).hexdigest(),
            "uuid": str(uuid.uuid4()),
        }
        if request.is_of_sts:
            signed_at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            filled |= {"signedAt": signed_at, "signedOn": signed_at[:8]}
            filled["signature"] = self._signature(request, _headers(request, filled), body, signed_at)
        return send(self.server.endpoint, request.method, request.target, _headers(request, filled), body)

    def _signature(self, request: Request, headers: Headers, body: bytes, signed_at: str) -> str:
        """By the role's credentials, over the very headers that the client signed."""
        sent = {name.lower(): value for name, value in headers}
        names = _SIGNED_HEADERS.search(sent["authorization"])
        assert names
        signed = {name: sent[name] for name in names[1].split(";")}
        role = Credentials(*(self.known[name] for name in ("accessKeyId", "secretAccessKey", "sessionToken")))
        signer, unsigned = (
            SigV4Auth(role, "sts", "us-east-1"),
            AWSRequest("POST", self.server.endpoint + "/", signed, body),
        )
        unsigned.context["timestamp"] = signed_at
        signature: str = signer.signature(signer.string_to_sign(unsigned, signer.canonical_request(unsigned)), unsigned)
        return signature

    def _before_poll(self, request: Request) -> None:
        """The stub said when to stop: just before its 200 the person approves."""
        if self._polled:
            time.sleep(min(request.pause, _LONGEST_PAUSE))
        self._polled = True
        if request.status == 200 and self._device_url:
            assert self.person.approve(self._device_url) == "Approved"
            self._device_url = ""

    def _authorize(self, request: Request, decision: str) -> None:
        """The browser's part. The recorded address, with a challenge whose verifier is known here."""
        pkce = Pkce(self.server.endpoint, self.known["clientId"])
        challenge = pkce.url.rpartition("code_challenge=")[2]
        self.known |= {"state": pkce.state, "codeVerifier": pkce.verifier, "redirectUri": PRESENTED_URI}
        target = Template(request.target).substitute(
            self.known, codeChallenge=challenge, redirectUriEncoded=quote(PRESENTED_URI, safe="")
        )
        callback = self.person.consent(self.server.endpoint + target, decision)
        self.callbacks.append(callback)
        if decision == "approve":
            self.known["code"] = pkce.code_from(callback)

    def _learn(self, request: Request, answer: Answer) -> None:
        if answer.status != 200 or request.target == "/logout" or request.is_of_sts:
            return
        members: dict[str, Any] = json.loads(answer.body)
        if request.target == "/client/register" and not self.recording.is_sign_in:
            return
        learnt = members | members.get("roleCredentials", {})
        self.known |= {name: value for name, value in learnt.items() if isinstance(value, str)}
        if request.target == "/device_authorization":
            self._device_url, self._polled = members["verificationUriComplete"], False
        if "accessToken" in members:
            self.access_tokens.append(members["accessToken"])


def _headers(request: Request, filled: Mapping[str, str]) -> Headers:
    pairs = (Template(header).substitute(filled).split(": ", 1) for header in request.headers)
    return [(name, value) for name, value in pairs]
