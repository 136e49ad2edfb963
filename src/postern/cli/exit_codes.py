"""What went wrong, as an exit code and as one line for a person.

Errors are known by name here, so that a command of the client imports nothing of the server to report one, and the
other way round.
"""

_FAILED, _USAGE, _UNFIT, _SIGN_IN, _UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 5, 130

CODES = {
    "postern.cli.exit_codes.CommandFailed": _FAILED,
    "postern.cli.exit_codes.UsageError": _USAGE,
    "postern.core.store.AlreadyExists": _FAILED,
    "postern.core.store.NotFound": _FAILED,
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
    "postern.api.errors.SlowDownException": "wait a minute and try again",
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
    return next((CODES[name] for name in _names(error) if name in CODES), None)


def complaint_about(error: Exception) -> str:
    """One line: what went wrong and, where it is known, what to do next."""
    # What a service says may be anybody's text: nothing of it shall move the cursor.
    said = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(_text(error).split()))
    advice = next((ADVICE[name] for name in _names(error) if name in ADVICE), None)
    if advice is None or "`postern " in said:
        return said
    return f"{said}; {advice}"


def _names(error: Exception) -> list[str]:
    """Of its class and of all its bases, the nearest first."""
    return [f"{each.__module__}.{each.__qualname__}" for each in type(error).__mro__]


def _text(error: Exception) -> str:
    if "postern.api.errors.ModelledError" not in _names(error):
        return str(error)
    code = getattr(error, "error", type(error).__name__)
    request_id = getattr(error, "request_id", None)
    return f"the service refused: {code}: {error}" + (f" (request {request_id})" if request_id else "")
