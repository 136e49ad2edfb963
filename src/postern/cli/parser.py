"""The frame of the command line: the parser of all commands, and what their declarations share.

A command's own arguments are declared when it is called, so that no command waits for those of the others.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from postern import __version__

EXIT_CODES = """\
exit codes:
  0    done
  1    refused, not found, or (doctor) something is wrong
  2    wrong usage, settings or configuration
  3    store or master key unfit
  4    sign-in needed, denied or expired
  5    the service cannot be reached, or does not answer as it should
  130  interrupted
"""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal."""

    def __init__(self, prog: str) -> None:
        # PERF: asked for no width, argparse imports shutil for it and with that every compression: 4 ms, help or not.
        super().__init__(prog, max_help_position=28, width=_width())

    def add_argument(self, action: argparse.Action) -> None:
        """As usual, but commands are as wide as they are: before Python 3.13 their indent is forgotten."""
        super().add_argument(action)
        for each in self._iter_indented_subactions(action):
            width = len(self._format_action_invocation(each)) + self._current_indent
            self._action_max_length = max(self._action_max_length, width)


class Parser(argparse.ArgumentParser):
    """A parser that is made, and its arguments declared, when it is needed."""

    def __init__(self, *, declare: "Callable[[Parser], None]", **settings: Any) -> None:
        # PERF: made at once, the parsers of all commands take as long as half an interpreter, and one of them is used.
        self._settings: dict[str, Any] | None = settings
        self._declare = declare

    def declared(self) -> "Parser":
        """This parser, with all its arguments."""
        settings, self._settings = self._settings, None
        if settings is not None:
            super().__init__(formatter_class=Formatter, **settings)
            self._declare(self)
        return self

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        return super(Parser, self.declared()).parse_known_args(args, namespace)


# mypy knows the type as generic, Python does not.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def command_line() -> Parser:
    """The parser of ``postern``."""
    description = "The open IAM Identity Center sign-in."
    return Parser(prog="postern", description=description, epilog=EXIT_CODES, declare=_declare_commands)


def _declare_commands(parser: Parser) -> None:
    from postern.cli import client_commands, server_commands

    parser.add_argument("--version", action="version", version=f"postern {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="postern")
    client_commands.declare(commands)
    server_commands.declare(commands)


def add_group(commands: Commands, name: str, help_: str, declare: Callable[[Commands], None]) -> None:
    """A command with commands of its own."""

    def declare_commands(parser: Parser) -> None:
        declare(parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog=parser.prog))

    commands.add_parser(name, help=help_, description=help_, declare=declare_commands)


def add_command(
    commands: Commands,
    name: str,
    target: str,
    help_: str,
    declare: Callable[[Parser], None] = lambda parser: None,
    epilog: str | None = None,
) -> None:
    """A command that is the function ``module.function`` (``target``) below `postern.cli`."""
    module, _, function = target.rpartition(".")

    def declare_command(parser: Parser) -> None:
        parser.set_defaults(module=module, function=function)
        declare(parser)

    commands.add_parser(name, help=help_, description=help_, declare=declare_command, epilog=epilog)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Where the store of a server is, and its settings."""
    from pathlib import Path

    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--data", metavar="FOLDER", help="folder for the store and the master key")


def add_store(parser: argparse.ArgumentParser) -> None:
    """What every command takes that looks into a store."""
    add_settings(parser)
    add_json(parser)


def add_instance(parser: argparse.ArgumentParser) -> None:
    """The same, of one that looks at an instance."""
    add_store(parser)
    text = "of this instance, by name or id (default: the primary one)"
    parser.add_argument("--instance", metavar="NAME", help=text)


def _width() -> int:
    """Of the terminal, less a margin."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns) - 2
    try:
        return (os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80) - 2
    except (OSError, ValueError):
        return 78
