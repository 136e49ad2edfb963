"""Plays a recording against a server: each request in its order, with its pauses, headers and bytes; what the server
answers fills the placeholders of what comes after. The person decides where the recorded one did.
"""

import json
import time
import uuid
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from tests.clients_real.flows import PRESENTED_URI, Pkce
from tests.clients_real.person import Person
from tests.clients_real.sdks import DEVICE_CODE
from tests.clients_real.servers import Server
from tests.clients_real.wire import Answer, send

RECORDED = Path(__file__).with_name("recorded")
_LONGEST_PAUSE = 1.05


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


class Recording(msgspec.Struct, frozen=True):
    client: str
    is_sign_in: bool
    requests: list[Request]


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
        headers = [Template(header).substitute(filled).split(": ", 1) for header in request.headers]
        pairs = [(name, value) for name, value in headers]
        return send(self.server.endpoint, request.method, request.target, pairs, body)

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
        if answer.status != 200 or request.target == "/logout":
            return
        members: dict[str, Any] = json.loads(answer.body)
        if request.target == "/client/register" and not self.recording.is_sign_in:
            return
        self.known |= {name: value for name, value in members.items() if isinstance(value, str)}
        if request.target == "/device_authorization":
            self._device_url, self._polled = members["verificationUriComplete"], False
        if "accessToken" in members:
            self.access_tokens.append(members["accessToken"])
