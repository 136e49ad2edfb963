"""What went wrong, as an exit code and one line; and that no command imports what it does not need."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from postern.api import errors as modelled
from postern.cli import exit_codes, main, parser
from postern.client import errors as client
from postern.client.token_cache import LockTimeout
from postern.core.keys import MasterKeyError
from postern.core.store import AlreadyExists, Conflict, NotFound, StoreError, StoreUnavailable
from postern.server.settings import SettingsError
from postern.testing.processes import COMMAND
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    "error, code",
    [
        (exit_codes.CommandFailed("x"), 1),
        (AlreadyExists("x"), 1),
        (NotFound("x"), 1),
        (Conflict("x"), 1),
        (modelled.InvalidGrantException(), 1),
        (modelled.SlowDownException(), 1),
        (client.ServiceError("AccessDenied", "x", status=403), 1),
        (client.ServiceError("ServiceUnavailable", "x", status=503), 5),
        (client.ServiceError("503", "HTTP status 503", status=503), 5),
        (client.ServiceError("404", "HTTP status 404", status=404), 5),
        (client.CredentialsError("x"), 1),
        (LockTimeout("x"), 1),
        (exit_codes.UsageError("x"), 2),
        (SettingsError("x"), 2),
        (client.ConfigurationError("x"), 2),
        (client.ParamValidationError(["x"]), 2),
        (StoreError("x"), 3),
        (StoreUnavailable("x"), 3),
        (MasterKeyError("x"), 3),
        (client.SignInRequired("x"), 4),
        (client.SignInDenied("x"), 4),
        (client.SignInExpired("x"), 4),
        (modelled.AccessDeniedException(), 4),
        (modelled.ExpiredTokenException(), 4),
        (client.ConnectionFailed("x"), 5),
        (client.TlsError("x"), 5),
        (client.ProxyError("x"), 5),
        (client.UnreadableResponse("x", "y", status=200), 5),
        (modelled.InternalServerException(), 5),
        (ValueError("x"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_exit_code(error: Exception, code: int | None) -> None:
    assert exit_codes.code_of(error) == code


@pytest.mark.parametrize("name", sorted({*exit_codes.CODES, *exit_codes.ADVICE}))
def test_errors_that_are_known_by_name_exist(name: str) -> None:
    module, _, error = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), error), Exception)


def test_a_refusal_of_the_service_says_error_description_and_request() -> None:
    refusal = modelled.InvalidClientException("Invalid client provided", request_id="r-1")
    assert exit_codes.complaint_about(refusal) == (
        "the service refused: invalid_client (Invalid client provided, request r-1); "
        "the registration is void: run `postern login --force`"
    )


def test_a_complaint_is_one_line_and_advice_is_not_given_twice() -> None:
    assert exit_codes.complaint_about(client.ConnectionFailed("no\nroute")) == "no route; `postern doctor` says more"
    said = "over: run `postern login --session lab`"
    assert exit_codes.complaint_about(client.SignInExpired(said)) == said


@pytest.mark.parametrize(
    "error, said",
    [
        (
            client.ServiceError("503", "HTTP status 503", status=503),
            "the service answers with HTTP status 503; try again later; `postern doctor` says more",
        ),
        (
            client.ServiceError("404", "HTTP status 404; it is text/html", status=404),
            "the service answers with HTTP status 404; it is text/html; try again later; `postern doctor` says more",
        ),
        (
            client.ServiceError("502", "bad gateway.", status=502),
            "the service answers with HTTP status 502 (bad gateway.); try again later; `postern doctor` says more",
        ),
        (
            client.ServiceError("429", "HTTP status 429", status=429),
            "the service answers with HTTP status 429; wait a minute and try again",
        ),
        (client.ServiceError("Forbidden", "No access", status=403), "the service refused: Forbidden (No access)"),
        (
            client.UnreadableResponse("x", "it cannot be read", status=200),
            "it cannot be read; `postern doctor` says more",
        ),
        (modelled.InvalidGrantException(""), "the service refused: invalid_grant"),
        (
            client.SignInDenied("The request was denied."),
            "The request was denied; run `postern login` again if that was a mistake",
        ),
    ],
)
def test_what_went_wrong_and_what_to_do(error: Exception, said: str) -> None:
    assert exit_codes.complaint_about(error) == said


def test_what_a_service_says_cannot_move_the_cursor() -> None:
    assert "\x1b" not in exit_codes.complaint_about(modelled.InvalidGrantException("\x1b[2Jgone"))


def test_a_reader_that_has_had_enough_is_no_complaint(desk: Desk) -> None:
    desk.use_session()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "status"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=30, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", [("token",), ("status",), ("__names", "sessions")])
def test_a_disk_that_is_full_is_one_line_and_exit_code_1(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.use_session()
    desk.keep_token()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        "postern: standard output cannot be written to: No space left on device\n",
    )


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_standard_output_that_is_closed_is_one_line_and_exit_code_1(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    desk.use_session()
    desk.keep_token()
    monkeypatch.setattr("sys.stdout", None)
    assert desk(command) == (1, "", "postern: standard output cannot be written to: it is closed\n")


@pytest.mark.parametrize(
    "arguments",
    [("user", "add", "m\udcff", "--generate"), ("iam", "add", "--user", "\ud800"), ("login", "--session", "\udcff")],
    ids=lambda arguments: arguments[0],
)
def test_an_argument_that_is_not_utf_8_is_one_line_and_exit_code_2(desk: Desk, arguments: tuple[str, ...]) -> None:
    number = 1 + next(index for index, word in enumerate(arguments) if not word.isprintable())
    assert desk(*arguments) == (2, "", f"postern: argument {number} is not text in UTF-8\n")


def test_who_says_nothing_needs_no_standard_output(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert desk("__names", "sessions") == (0, "", "")


def test_a_complaint_never_goes_to_standard_output(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert desk("token") == (2, "", "")


def test_exit_codes_are_documented_where_people_look(desk: Desk) -> None:
    documented = [line.split()[0] for line in parser.EXIT_CODES.splitlines()[1:]]
    used = {str(code) for code in {0, exit_codes.INTERRUPTED, *exit_codes.CODES.values()}}
    assert set(documented) == used
    for command in ((), ("login",), ("logout",), ("status",), ("token",), ("doctor",), ("configure", "sso")):
        assert parser.EXIT_CODES in desk(*command, "--help").out
    for line in parser.EXIT_CODES.splitlines()[1:]:
        assert line.strip() in (sys.modules[main.__module__].__doc__ or "").replace("`", "")


def imported_by(*arguments: str) -> set[str]:
    """The modules that a command imports, by its own account."""
    script = (
        f"import sys\nfrom postern.cli import main\ntry:\n    main({list(arguments)!r})\n"
        "except SystemExit:\n    pass\nprint(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [("login", "--help"), ("status", "--help"), ("token", "--help"), ("doctor", "--help")]
)
def test_help_of_a_client_command_imports_neither_server_nor_client(arguments: tuple[str, ...]) -> None:
    modules = imported_by(*arguments)
    rooms = ("postern.core", "postern.server", "postern.stores", "postern.client", "msgspec", "asyncio", "ssl")
    assert not [name for name in modules if name.startswith(rooms)]


def test_a_client_s_error_is_reported_without_the_server(desk: Desk) -> None:
    modules = imported_by("status", "--session", "nobody")
    assert not [name for name in modules if name.startswith(("postern.core", "postern.server", "postern.stores"))]


def test_an_interrupt_is_exit_code_130(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("postern.cli.status.status", interrupt)
    assert main(["status"]) == 130
