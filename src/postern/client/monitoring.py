"""Client-side monitoring: each try and each call as a datagram of JSON, as the AWS SDKs send them to a listener on the
same machine (CSM, version 1).
"""

import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec

from postern.api.errors import ModelledError
from postern.client.errors import ClientError, ServiceError, UnreadableResponse
from postern.client.observers import Attempt
from postern.client.request import BaseRequest
from postern.client.request_log import MASK, error_name, is_secret

MAX_DATAGRAM = 8191

_MAX_CLIENT_ID = 255
_MAX_NAME = 128
_MAX_USER_AGENT = 256
_MAX_MESSAGE = 512
_LEAST_SECRET = 8
_REQUEST_IDS = {"x-amzn-requestid": "XAmznRequestId", "x-amz-request-id": "XAmzRequestId", "x-amz-id-2": "XAmzId2"}

Event = dict[str, str | int]


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """How many tries a call had. ``last_error`` is the `id` of the last one's error, and not the error: its traceback
    would keep the request of a cancelled call for ever.
    """

    count: int
    last_error: int


class Monitoring:
    """Sends an event ``ApiCallAttempt`` for each try and ``ApiCall`` for each call that got as far as one.

    Unlike those of other SDKs, events never have the session token, and none of the call's secrets that a message
    repeats. Nothing is waited for, nothing is raised, and whether anybody listens is not known.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 31000, client_id: str = "") -> None:
        self._client_id = _text(client_id, _MAX_CLIENT_ID)
        self._datagrams = Datagrams(host, port)
        self._tries: WeakKeyDictionary[BaseRequest, Tries] = WeakKeyDictionary()

    def attempted(self, request: BaseRequest, attempt: Attempt) -> None:
        """Send the event of a try."""
        before = self._tries.get(request)
        self._tries[request] = Tries(count=before.count + 1 if before else 1, last_error=id(attempt.error))
        with suppress(Exception):
            self._send(self._attempt_event(request, attempt))

    def completed(self, request: BaseRequest, started_at: float) -> None:
        """Send the event of a call."""
        tries = self._tries.pop(request, None)
        if tries is None:
            return
        with suppress(Exception):
            self._send(self._call_event(request, started_at, tries))

    def close(self) -> None:
        """Close the socket; what happens later is told to nobody."""
        self._datagrams.close()

    def _send(self, event: Event) -> None:
        self._datagrams.send(msgspec.json.encode(event))

    def _attempt_event(self, request: BaseRequest, attempt: Attempt) -> Event:
        answer = request.response.http_response
        event = self._event("ApiCallAttempt", request, attempt.started_at)
        event["AttemptLatency"] = _milliseconds(attempt.latency)
        if request.http_request is not None:
            event["Fqdn"] = _text(urlsplit(request.http_request.url).hostname or "", _MAX_CLIENT_ID)
        if attempt.access_key_id is not None:
            event["AccessKey"] = _text(attempt.access_key_id, _MAX_NAME)
        if answer is not None:
            event["HttpStatusCode"] = answer.status
            for header, member in _REQUEST_IDS.items():
                if header in answer.headers:
                    event[member] = _text(answer.headers[header], _MAX_NAME)
        return event | _exception("", attempt.error, request)

    def _call_event(self, request: BaseRequest, started_at: float, tries: Tries) -> Event:
        response = request.response
        event = self._event("ApiCall", request, started_at)
        event["Latency"] = _milliseconds(request.service.now() - started_at)
        event["AttemptCount"] = tries.count
        event["MaxRetriesExceeded"] = int(_is_out_of_retries(request, tries))
        if response.http_response is not None:
            event["FinalHttpStatusCode"] = response.http_response.status
        return event | _exception("Final", response.error, request)

    def _event(self, kind: str, request: BaseRequest, started_at: float) -> Event:
        event: Event = {
            "Version": 1,
            "ClientId": self._client_id,
            "Type": kind,
            "Service": _text(request.service.model.service_id, _MAX_NAME),
            "Api": _text(request.operation.name, _MAX_NAME),
            "Timestamp": _milliseconds(started_at),
            "UserAgent": _text(_user_agent(request), _MAX_USER_AGENT),
        }
        if request.service.region is not None:
            event["Region"] = _text(request.service.region, _MAX_NAME)
        return event


class Datagrams:
    """Sends datagrams to one place, from any thread and also after a fork, and does not wait. Only the look-up of a
    host name may take time: it is made once, with the first datagram, and if it fails nothing is ever sent.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._is_on = True
        self._opened: dict[str, tuple[socket.socket, Any]] = {}

    def __del__(self) -> None:
        self.close()

    def send(self, datagram: bytes) -> None:
        """Send it, unless it is too long for a listener.

        Raises:
            OSError: it was not sent: there is no such host, no route, or too much is waiting to be sent.
        """
        if self._is_on and len(datagram) <= MAX_DATAGRAM:
            sender, address = self._opened.get("") or self._open()
            sender.sendto(datagram, address)

    def close(self) -> None:
        """Close the socket; later datagrams are dropped."""
        self._is_on = False
        opened = self._opened.pop("", None)
        if opened is not None:
            opened[0].close()

    def _open(self) -> tuple[socket.socket, Any]:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        except OSError:
            self._is_on = False
            raise
        # Listeners are bound to IPv4 addresses, as the SDKs expect; "localhost" has one of each kind.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.setblocking(False)
        # Of two threads that come first, one has its socket kept.
        opened = self._opened.setdefault("", (sender, address))
        if opened[0] is not sender:
            sender.close()
        return opened


def _is_out_of_retries(request: BaseRequest, tries: Tries) -> bool:
    """Whether the last try failed, was worth another one, and there was none left."""
    response = request.response
    failed = response.error is not None and id(response.error) == tries.last_error
    return failed and response.retryable and response.retry_count >= request.service.configuration.retry.max_retries


def _exception(prefix: str, error: Exception | None, request: BaseRequest) -> Event:
    """The members that say what went wrong: the service's refusal, or a failure on this side."""
    if error is None:
        return {}
    refused = isinstance(error, ModelledError | ServiceError) and not isinstance(error, UnreadableResponse)
    member = f"{prefix}{'AwsException' if refused else 'SdkException'}"
    event: Event = {member: _text(error_name(error), _MAX_NAME)}
    message = _message(error)
    if message:
        event[f"{member}Message"] = _text(_without_secrets(message, request), _MAX_MESSAGE)
    return event


def _message(error: Exception) -> str:
    """Empty for an error that is not from this package: a listener's may say anything."""
    if isinstance(error, ModelledError):
        return error.description
    if isinstance(error, ServiceError):
        return error.message
    return str(error) if isinstance(error, ClientError) else ""


def _without_secrets(text: str, request: BaseRequest) -> str:
    """``text`` up to where it begins to repeat a secret: the rest of one that was cut off would not be found."""
    for name, value in request.params.items():
        if is_secret(name) and isinstance(value, str) and len(value) >= _LEAST_SECRET:
            before, found, _ = text.partition(value[:_LEAST_SECRET])
            text = f"{before}{MASK}" if found else text
    return text


def _user_agent(request: BaseRequest) -> str:
    headers = {} if request.http_request is None else request.http_request.headers
    return next((value for name, value in headers.items() if name.lower() == "user-agent"), "")


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _text(text: str, limit: int) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:limit])
