"""The commands of those who run a server: what they are called and what they take."""

from collections.abc import Callable
from typing import TypeVar

from postern.cli.parser import Commands, Parser, add_command, add_group, add_settings, add_store

T = TypeVar("T")


def declare(commands: Commands) -> None:
    """``serve``, ``demo``, ``instance``, ``user``, ``group``, ``account``, ``permission-set``, ``assign``, ``session``,
    ``credential-source``, ``explain``, ``iam``, ``application``, ``trusted-token-issuer``, ``plan``, ``apply``,
    ``export``, ``client``, ``keys``, ``store``, ``config``.
    """
    add_command(commands, "serve", "serve.serve", "Serve clients and pages.", _serve)
    add_command(
        commands, "demo", "demo.demo", "Serve a server to try: with a demo user, and what to paste to sign in.", _demo
    )
    add_group(commands, "user", "People: add, list, show, update, disable, enable, …", _of_people("user_commands"))
    text = "Groups of people: add, list, update, remove, join, leave, members."
    add_group(commands, "group", text, _of_people("group_commands"))
    add_group(commands, "instance", "Instances: add, list, update, remove.", _of_portal("instance_commands"))
    add_group(commands, "account", "Accounts: add, list, update, remove.", _of_portal("account_commands"))
    text = "Roles that people may have: add, list, update, remove."
    add_group(commands, "permission-set", text, _of_portal("permission_set_commands"))
    text = "Assign people or groups to a permission set in an account."
    add_command(commands, "assign", "assign.assign", text, _of_portal("assignment"))
    add_command(commands, "unassign", "assign.unassign", "Take assignments back.", _of_portal("assignment"))
    add_command(commands, "assignments", "assign.assignments", "List who may be what where.", _of_portal("assignments"))
    text = "Where role credentials come from: add, list, show, update, remove."
    add_group(commands, "credential-source", text, _of_portal("credential_source_commands"))
    add_group(commands, "session", "Sign-ins of people and clients: list, revoke.", _of_portal("session_commands"))
    text = "Why a token is taken or not, and what is asked for a role: token, role."
    add_group(commands, "explain", text, _of_module("explain_commands", "explain_commands"))
    text = "Access keys: add, list, disable, enable, remove, session."
    add_group(commands, "iam", text, _of_directory("iam_commands"))
    text = "Applications that sign with IAM credentials: add, update, assign, …"
    add_group(commands, "application", text, _of_directory("application_commands"))
    text = "Issuers of assertions: add, list, show, enable, disable, remove."
    add_group(commands, "trusted-token-issuer", text, _of_directory("issuer_commands"))
    text = "Show how the directory differs from what a file declares."
    add_command(commands, "plan", "apply.plan", text, _of_directory("plan"))
    add_command(commands, "apply", "apply.apply", "Make the directory what a file declares.", _of_directory("apply"))
    add_command(commands, "export", "export.export", "Write the directory as such a file.", _of_directory("export"))
    add_group(commands, "client", "Registered clients: revoke.", _client_commands)
    add_group(commands, "keys", "The key ring: list, rotate, revoke.", _key_commands)
    text = "The store: check, migrate, copy, backup, restore, restored."
    add_group(commands, "store", text, _of_module("store_commands", "store_commands"))
    add_group(commands, "config", "Settings: check, show, docs.", _config_commands)


def _of_directory(name: str) -> Callable[[T], None]:
    """A declaration of `postern.cli.directory_commands`, imported when it is needed."""
    return _of_module("directory_commands", name)


def _of_people(name: str) -> Callable[[T], None]:
    """The same of `postern.cli.people_commands`."""
    return _of_module("people_commands", name)


def _of_portal(name: str) -> Callable[[T], None]:
    """The same of `postern.cli.portal_commands`."""
    return _of_module("portal_commands", name)


def _of_module(module: str, name: str) -> Callable[[T], None]:
    def declare_further(whose: T) -> None:
        from importlib import import_module

        getattr(import_module(f"postern.cli.{module}"), name)(whose)

    return declare_further


def _client_commands(clients: Commands) -> None:
    add_command(clients, "revoke", "client.revoke", "Revoke a registration before its 90 days are over.", _client_id)


def _key_commands(keys: Commands) -> None:
    add_command(keys, "list", "keys.list_all", "List the keys and what each does.", add_store)
    add_command(keys, "rotate", "keys.rotate", "Make a new key now; older ones go on to verify.", add_store)
    add_command(keys, "revoke", "keys.revoke", "Remove a key: everything made with it is void at once.", _key_id)


def _config_commands(config: Commands) -> None:
    add_command(config, "check", "config.check", "Check settings file and environment.", add_store)
    add_command(
        config, "show", "config.show_all", "Show every setting with its value and where it can be set.", add_store
    )
    add_command(config, "docs", "config.docs", "Print the documentation of all settings in Markdown.", add_settings)


def _serve(parser: Parser) -> None:
    add_settings(parser)
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes")


def _demo(parser: Parser) -> None:
    add_settings(parser)
    parser.add_argument("--port", type=int, help="port to listen on")


def _client_id(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("client_id", metavar="CLIENT_ID")


def _key_id(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("key_id", metavar="KEY_ID")
