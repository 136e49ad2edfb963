"""The commands of those who run a server: what they are called and what they take."""

from collections.abc import Callable
from typing import TypeVar

from postern.cli.parser import Commands, Parser, add_command, add_group, add_json

T = TypeVar("T")


def declare(commands: Commands) -> None:
    """``serve``, ``demo``, ``user``, ``group``, ``iam``, ``application``, ``trusted-token-issuer``, ``apply``,
    ``client``, ``keys``, ``store``, ``config``.
    """
    add_command(commands, "serve", "serve.serve", "Serve clients and pages.", _serve)
    add_command(
        commands, "demo", "demo.demo", "Serve a server to try: with a demo user, and what to paste to sign in.", _demo
    )
    add_group(commands, "user", "People: add, list, disable, enable, password, external-id.", _user_commands)
    text = "Groups of people: add, list, remove, join, leave, members."
    add_group(commands, "group", text, _of_directory("group_commands"))
    text = "Access keys: add, list, disable, enable, remove, session."
    add_group(commands, "iam", text, _of_directory("iam_commands"))
    text = "Applications that sign with IAM credentials: add, update, assign, …"
    add_group(commands, "application", text, _of_directory("application_commands"))
    text = "Issuers of assertions: add, list, show, enable, disable, remove."
    add_group(commands, "trusted-token-issuer", text, _of_directory("issuer_commands"))
    text = "Make groups, issuers, access keys and applications as a file declares them."
    add_command(commands, "apply", "apply.apply", text, _of_directory("apply"))
    add_group(commands, "client", "Registered clients: revoke.", _client_commands)
    add_group(commands, "keys", "The key ring: list, rotate, revoke.", _key_commands)
    add_group(commands, "store", "The store: check.", _store_commands)
    add_group(commands, "config", "Settings: check, show, docs.", _config_commands)


def _of_directory(name: str) -> Callable[[T], None]:
    """A declaration of `postern.cli.directory_commands`, imported when it is needed."""

    def declare_further(whose: T) -> None:
        from postern.cli import directory_commands

        getattr(directory_commands, name)(whose)

    return declare_further


def _user_commands(users: Commands) -> None:
    add_command(users, "add", "user.add", "Add a person.", _user_add)
    add_command(users, "list", "user.list_all", "List all people.", _json)
    add_command(users, "disable", "user.disable", "Disable a person; all their sign-ins end.", _user_named)
    add_command(users, "enable", "user.enable", "Enable a person again.", _user_named)
    add_command(
        users, "password", "user.password", "Set a new password; all the person's sign-ins end.", _user_password
    )
    text = "Note the id that another directory has for a person."
    add_command(users, "external-id", "external_ids.external_id", text, _user_external_id)


def _client_commands(clients: Commands) -> None:
    add_command(clients, "revoke", "client.revoke", "Revoke a registration before its 90 days are over.", _client_id)


def _key_commands(keys: Commands) -> None:
    add_command(keys, "list", "keys.list_all", "List the keys and what each does.", _json)
    add_command(keys, "rotate", "keys.rotate", "Make a new key now; older ones go on to verify.", _json)
    add_command(keys, "revoke", "keys.revoke", "Remove a key: everything made with it is void at once.", _key_id)


def _store_commands(stores: Commands) -> None:
    add_command(stores, "check", "store.check", "Read through the whole store and say whether it is sound.", _json)


def _config_commands(config: Commands) -> None:
    add_command(config, "check", "config.check", "Check settings file and environment.", _json)
    add_command(config, "show", "config.show_all", "Show every setting with its value and where it can be set.", _json)
    add_command(config, "docs", "config.docs", "Print the documentation of all settings in Markdown.", _settings_source)


def _settings_source(parser: Parser) -> None:
    from pathlib import Path

    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--data", metavar="FOLDER", help="folder for the store and the master key")


def _json(parser: Parser) -> None:
    _settings_source(parser)
    add_json(parser)


def _serve(parser: Parser) -> None:
    _settings_source(parser)
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes")


def _demo(parser: Parser) -> None:
    _settings_source(parser)
    parser.add_argument("--port", type=int, help="port to listen on")


def _user_add(parser: Parser) -> None:
    _user_named(parser)
    parser.add_argument("--display-name", default="", help="name shown on the pages")
    parser.add_argument("--email", default="", help="e-mail address")
    text = "the id that another directory has for the person; may be repeated"
    parser.add_argument("--external-id", action="append", metavar="ISSUER=ID", help=text)
    _password_source(parser)


def _user_named(parser: Parser) -> None:
    _json(parser)
    parser.add_argument("user_name", metavar="USER_NAME")


def _user_password(parser: Parser) -> None:
    _user_named(parser)
    _password_source(parser)


def _user_external_id(parser: Parser) -> None:
    _user_named(parser)
    parser.add_argument("external_id", metavar="ISSUER=ID")
    parser.add_argument("--remove", action="store_true", help="forget it instead")


def _password_source(parser: Parser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    source.add_argument("--generate", action="store_true", help="make a random password and print it once")


def _client_id(parser: Parser) -> None:
    _json(parser)
    parser.add_argument("client_id", metavar="CLIENT_ID")


def _key_id(parser: Parser) -> None:
    _json(parser)
    parser.add_argument("key_id", metavar="KEY_ID")
