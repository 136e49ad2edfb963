"""What went wrong, as an exit code and as one line for a person.

Errors are known by name here, so that a command of the client imports nothing of the server to report one, and the
other way round.
"""

_FAILED, _USAGE, _UNFIT, _SIGN_IN, _UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 5, 130

_SERVICE_ERROR = "postern.client.errors.ServiceError"
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
_WAIT = "wait a minute and try again"

CODES = {
    "postern.cli.exit_codes.CommandFailed": _FAILED,
    "postern.cli.exit_codes.UsageError": _USAGE,
    "postern.core.store.AlreadyExists": _FAILED,
    "postern.core.store.NotFound": _FAILED,
    "postern.core.store.Conflict": _FAILED,
    "postern.core.directory.errors.InvalidDirectoryRecord": _FAILED,
    "postern.core.directory.declaration.InvalidDeclaration": _USAGE,
    "postern.core.iam.access_keys.InvalidAccessKey": _FAILED,
    "postern.core.iam.actor_policy.InvalidPolicy": _FAILED,
    "postern.core.users.InvalidUser": _FAILED,
    "postern.core.passwords.PasswordTooWeak": _FAILED,
    "postern.server.settings.SettingsError": _USAGE,
    "postern.core.store.StoreError": _UNFIT,
    "postern.core.keys.MasterKeyError": _UNFIT,
    "postern.client.errors.ClientError": _FAILED,
    "postern.client.errors.ConfigurationError": _USAGE,
    "postern.client.errors.SignInError": _SIGN_IN,
    "postern.client.errors.TransportError": _UNREACHABLE,
    "postern.client.errors.UnreadableResponse": _UNREACHABLE,
    "postern.client.errors.TooManyRedirects": _UNREACHABLE,
    "postern.api.errors.ModelledError": _FAILED,
    "postern.api.errors.AccessDeniedException": _SIGN_IN,
    "postern.api.errors.ExpiredTokenException": _SIGN_IN,
    "postern.api.errors.UnauthorizedException": _SIGN_IN,
    "postern.api.errors.InternalServerException": _UNREACHABLE,
}

ADVICE = {
    "postern.api.errors.InvalidClientException": "the registration is void: run `postern login --force`",
    "postern.api.errors.InvalidRequestException": "check start URL and region with `postern doctor`",
    "postern.api.errors.AccessDeniedException": "ask whoever runs the service for access, or sign in again",
    "postern.api.errors.ExpiredTokenException": "run `postern login` again",
    "postern.api.errors.SlowDownException": _WAIT,
    "postern.api.errors.TooManyRequestsException": _WAIT,
    "postern.api.errors.InternalServerException": "try again later",
    "postern.client.errors.SignInDenied": "run `postern login` again if that was a mistake",
    "postern.client.errors.SignInExpired": "run `postern login` again",
    "postern.client.errors.TlsError": "`postern doctor` says more",
    "postern.client.errors.TransportError": "`postern doctor` says more",
    "postern.client.errors.UnreadableResponse": "`postern doctor` says more",
}


class CommandFailed(Exception):
    """A command could not do what it was asked; the text says why."""


class UsageError(Exception):
    """A command was asked for something that it cannot be asked; the text says what to do instead."""


def code_of(error: Exception) -> int | None:
    """The exit code, or None for what should not have happened."""
    if _is_of_no_name(error):
        return _UNREACHABLE
    return next((CODES[name] for name in _names(error) if name in CODES), None)


def complaint_about(error: Exception) -> str:
    """One line: what went wrong and, where it is known, what to do next."""
    # What a service says may be anybody's text: nothing of it shall move the cursor.
    said = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(_text(error).split()))
    advice = _advice(error)
    if advice is None or "`postern " in said:
        return said
    return f"{said.rstrip('.')}; {advice}"


def _advice(error: Exception) -> str | None:
    status = getattr(error, "status", None)
    if _is_of_no_name(error) and status == _TOO_MANY_REQUESTS:
        return _WAIT
    if _is_of_no_name(error):
        return "try again later; `postern doctor` says more"
    return next((ADVICE[name] for name in _names(error) if name in ADVICE), None)


def _names(error: Exception) -> list[str]:
    """Of its class and of all its bases, the nearest first."""
    return [f"{each.__module__}.{each.__qualname__}" for each in type(error).__mro__]


def _is_of_no_name(error: Exception) -> bool:
    """Whether it is an answer of the service, or of what stands before it, that is no refusal by name."""
    if _names(error)[0] != _SERVICE_ERROR:
        return False
    status, code = getattr(error, "status", 0), getattr(error, "code", "")
    return bool(status >= _SERVER_ERROR or code.isdigit())


def _text(error: Exception) -> str:
    names = _names(error)
    if "postern.api.errors.ModelledError" in names:
        return _refusal(getattr(error, "error", type(error).__name__), str(error), error)
    if _SERVICE_ERROR not in names:
        return str(error)
    code, message = getattr(error, "code", ""), getattr(error, "message", "")
    if names[0] != _SERVICE_ERROR:
        return message or str(error)
    if not code.isdigit():
        return _refusal(code, message, error)
    if not message.startswith("HTTP status"):
        message = f"HTTP status {code}" + (f" ({message})" if message else "")
    return f"the service answers with {message}"


def _refusal(code: str, description: str, error: Exception) -> str:
    request_id = getattr(error, "request_id", None)
    more = [description.strip().rstrip("."), f"request {request_id}" if request_id else ""]
    said = ", ".join(filter(None, more))
    return f"the service refused: {code} ({said})" if said else f"the service refused: {code}"
