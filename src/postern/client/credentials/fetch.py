"""Asking a service for credentials: a few tries, and words for what came instead of an answer."""

from postern.client.effects import Flow, Send, Sleep
from postern.client.errors import CredentialsError, TransportError
from postern.client.http import HttpRequest, HttpResponse

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_FIRST_PAUSE = 0.5


def fetch(request: HttpRequest, *, attempts: int = 3) -> Flow[HttpResponse]:
    """The answer. It is asked again, after a growing pause, while none comes or the service is unwell (429, 5xx).

    Raises:
        CredentialsError: no complete answer came.
    """
    pause = _FIRST_PAUSE
    for _ in range(attempts - 1):
        try:
            answer: HttpResponse = yield Send(request)
        except TransportError as error:
            if not error.retryable:
                raise CredentialsError(str(error)) from error
        else:
            if answer.status < _SERVER_ERROR and answer.status != _TOO_MANY_REQUESTS:
                return answer
        yield Sleep(pause)
        pause *= 2
    try:
        last: HttpResponse = yield Send(request)
    except TransportError as error:
        raise CredentialsError(str(error)) from error
    return last
