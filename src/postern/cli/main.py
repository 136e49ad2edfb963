"""Parsing of the command line, and the one place where what went wrong becomes a line on standard error and an exit
code.

Exit codes: 0 done, 1 refused or not found, 2 wrong usage or settings, 3 store or master key unfit, 130 interrupted.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from postern import __version__

_FAILED, _USAGE, _UNFIT, _INTERRUPTED = 1, 2, 3, 130


class CommandFailed(Exception):
    """A command could not do what it was asked; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``postern`` command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        command = importlib.import_module(f"postern.cli.{options.module}")
        result: int | None = getattr(command, options.function)(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        code = _code_for(error)
        if code is None:
            raise
        print(f"postern: {error}", file=sys.stderr)
        return code
    return result or 0


def _code_for(error: Exception) -> int | None:
    from postern.core.keys import MasterKeyError
    from postern.core.passwords import PasswordTooWeak
    from postern.core.store import AlreadyExists, NotFound, StoreError
    from postern.core.users import InvalidUser
    from postern.server.settings import SettingsError

    if isinstance(error, SettingsError):
        return _USAGE
    if isinstance(error, (CommandFailed, AlreadyExists, NotFound, InvalidUser, PasswordTooWeak)):
        return _FAILED
    return _UNFIT if isinstance(error, (StoreError, MasterKeyError)) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="postern", description="The open IAM Identity Center sign-in.")
    parser.add_argument("--version", action="version", version=f"postern {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _serve_commands(commands)
    _user_commands(commands)
    _client_commands(commands)
    _key_commands(commands)
    _store_commands(commands)
    _config_commands(commands)
    return parser


Subparsers = argparse._SubParsersAction


def _serve_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    serve = _add(commands, "serve", "serve.serve", "Serve clients and pages.")
    serve.add_argument("--host", help="address to listen on")
    serve.add_argument("--port", type=int, help="port to listen on")
    serve.add_argument("--workers", type=int, metavar="N", help="worker processes")
    demo = _add(commands, "demo", "demo.demo", "Serve a server to try: with a demo user, and what to paste to sign in.")
    demo.add_argument("--port", type=int, help="port to listen on")


def _user_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    users = _group(commands, "user", "People: add, list, disable, enable, password.")
    add = _add(users, "add", "user.add", "Add a person.")
    _name(add)
    add.add_argument("--display-name", default="", help="name shown on the pages")
    add.add_argument("--email", default="", help="e-mail address")
    _password_source(add)
    _json(add)
    _json(_add(users, "list", "user.list_all", "List all people."))
    for verb, help_ in (("disable", "Disable a person; all their sign-ins end."), ("enable", "Enable a person again.")):
        command = _add(users, verb, f"user.{verb}", help_)
        _name(command)
        _json(command)
    password = _add(users, "password", "user.password", "Set a new password; all the person's sign-ins end.")
    _name(password)
    _password_source(password)
    _json(password)


def _client_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    clients = _group(commands, "client", "Registered clients: revoke.")
    revoke = _add(clients, "revoke", "client.revoke", "Revoke a registration before its 90 days are over.")
    revoke.add_argument("client_id", metavar="CLIENT_ID")
    _json(revoke)


def _key_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    keys = _group(commands, "keys", "The key ring: list, rotate, revoke.")
    _json(_add(keys, "list", "keys.list_all", "List the keys and what each does."))
    _json(_add(keys, "rotate", "keys.rotate", "Make a new key now; older ones go on to verify."))
    revoke = _add(keys, "revoke", "keys.revoke", "Remove a key: everything made with it is void at once.")
    revoke.add_argument("key_id", metavar="KEY_ID")
    _json(revoke)


def _store_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    stores = _group(commands, "store", "The store: check.")
    _json(_add(stores, "check", "store.check", "Read through the whole store and say whether it is sound."))


def _config_commands(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    config = _group(commands, "config", "Settings: check, show, docs.")
    _json(_add(config, "check", "config.check", "Check settings file and environment."))
    _json(_add(config, "show", "config.show_all", "Show every setting with its value and where it can be set."))
    _add(config, "docs", "config.docs", "Print the documentation of all settings in Markdown.")


def _group(
    commands: "Subparsers[argparse.ArgumentParser]", name: str, help_: str
) -> "Subparsers[argparse.ArgumentParser]":
    parser = commands.add_parser(name, help=help_, description=help_)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _add(
    commands: "Subparsers[argparse.ArgumentParser]", name: str, target: str, help_: str
) -> argparse.ArgumentParser:
    module, _, function = target.partition(".")
    parser = commands.add_parser(name, help=help_, description=help_)
    parser.set_defaults(module=module, function=function)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--data", metavar="FOLDER", help="folder for the store and the master key")
    return parser


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user_name", metavar="USER_NAME")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _password_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    source.add_argument("--generate", action="store_true", help="make a random password and print it once")
