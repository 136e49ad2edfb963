"""What can go wrong on the client's side, besides the modelled errors of `postern.api.errors`.

::

    ClientError
     ├── ConfigurationError            an option, a setting or a file cannot be used
     │    ├── ParamValidationError     the parameters of a call do not fit its shape
     │    └── StateNotFoundError       there is no such waiter
     ├── CredentialsError              no credentials to sign with, or they could not be had
     ├── TransportError                no complete answer came
     │    ├── ConnectionFailed             no connection: refused, no route, no such name
     │    ├── ConnectTimeout               … not in time
     │    ├── ReadTimeout                  connected, but silent for too long
     │    ├── ConnectionBroken             the answer was cut off
     │    ├── TlsError                     the certificate or the handshake was refused
     │    ├── ProxyError                   the proxy refused
     │    ├── InvalidResponse              what came is not HTTP
     │    └── ResponseTooLarge             … or more than is accepted
     ├── ServiceError                  an answer that the model does not name
     │    ├── UnreadableResponse           a success whose body cannot be read
     │    └── TooManyRedirects
     ├── WaiterError                   the state that was waited for cannot come any more
     └── SignInError                   no sign-in
          ├── SignInRequired               there is no usable token: sign in (again)
          ├── SignInDenied                 the person said no
          └── SignInExpired                nobody decided in time
"""

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_THROTTLING = frozenset(
    {
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class ClientError(Exception):
    """Base of all errors that arise in the client. ``retryable``: the same call may succeed if it is made again."""

    retryable: bool = False


class ConfigurationError(ClientError):
    pass


class ParamValidationError(ConfigurationError):
    """``errors`` has one line for each thing that is wrong."""

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        super().__init__("; ".join(errors))


class StateNotFoundError(ConfigurationError):
    pass


class CredentialsError(ClientError):
    pass


class TransportError(ClientError):
    retryable = True


class ConnectionFailed(TransportError):
    pass


class ConnectTimeout(TransportError):
    pass


class ReadTimeout(TransportError):
    pass


class ConnectionBroken(TransportError):
    pass


class TlsError(TransportError):
    retryable = False


class ProxyError(TransportError):
    retryable = False


class InvalidResponse(TransportError):
    retryable = False


class ResponseTooLarge(TransportError):
    retryable = False


class ServiceError(ClientError):
    """An error answer that the model does not name, such as a refused signature.

    ``code`` is the service's name for it or the status in digits; ``status`` is the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int, request_id: str | None = None) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.retryable = self.is_of_server or status == _TOO_MANY_REQUESTS or code in _THROTTLING
        super().__init__(f"{code}: {message}" if message else code)

    @property
    def is_of_server(self) -> bool:
        """Whether it is a failure of the server or on the way to it: what became of the request is not known."""
        return self.status >= _SERVER_ERROR


class UnreadableResponse(ServiceError):
    pass


class TooManyRedirects(ServiceError):
    pass


class WaiterError(ClientError):
    pass


class SignInError(ClientError):
    pass


class SignInRequired(SignInError):
    pass


class SignInDenied(SignInError):
    pass


class SignInExpired(SignInError):
    pass
