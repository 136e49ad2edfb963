"""The commands of those who sign in: what they are called and what they take."""

import argparse
from collections.abc import Callable

from postern.cli.parser import EXIT_CODES, Commands, Parser, add_command, add_group, add_json

_CACHE_HELP = (
    "where tokens are kept: aws (default, the files of the AWS CLI), aws:FOLDER (such files elsewhere), keyring (the "
    "operating system's), encrypted:FOLDER (encrypted files)"
)
_TIME_HELP = ", in seconds or with a unit: 90, 90s, 15m, 2h"
_UNITS = {"s": 1, "m": 60, "h": 3600}
_MAX_PORT = 65535


def declare(commands: Commands) -> None:
    """``login``, ``logout``, ``status``, ``token``, ``accounts``, ``roles``, ``credentials``, ``exec``, ``console``,
    ``configure``, ``doctor``, ``completion``.
    """
    _add(commands, "login", "login.login", "Sign in, unless a sign-in is still good.", _login)
    _add(commands, "logout", "logout.logout", "Sign out, here and at the service.", _logout)
    _add(commands, "status", "status.status", "Show the sign-ins: configured ones and cached ones.", _status)
    _add(commands, "token", "token.token", "Print the access token, refreshed if need be. Never signs in.", _token)
    _add(commands, "accounts", "accounts.accounts", "List the accounts where you have a role.", _accounts)
    _add(commands, "roles", "accounts.roles", "List your roles, in one account or in all.", _roles)
    text = "Print credentials for a role, for credential_process or a shell."
    _add(commands, "credentials", "credentials.credentials", text, _credentials)
    _add(commands, "exec", "exec.run", "Run a command with a role's credentials: exec … -- COMMAND.", _exec)
    _add(commands, "console", "console.console", "Print a link that signs in to the console as a role.", _console)
    add_group(commands, "configure", "Write the AWS configuration file: sso.", _configure_commands)
    _add(commands, "doctor", "doctor.doctor", "Say what is wrong with a sign-in, and what to do.", _doctor)
    text = "Print a shell's completion script."
    add_command(commands, "completion", "completion.completion", text, _completion, epilog=_INSTALL)


def _add(commands: Commands, name: str, target: str, help_: str, declare: Callable[[Parser], None]) -> None:
    add_command(commands, name, target, help_, declare, epilog=EXIT_CODES)


_INSTALL = """\
to install it, once:
  bash  postern completion bash > ~/.local/share/bash-completion/completions/postern
  zsh   postern completion zsh > "${fpath[1]}/_postern"
  fish  postern completion fish > ~/.config/fish/completions/postern.fish
"""


def _configure_commands(commands: Commands) -> None:
    text = "Write sso-session, profile and endpoints. Shows the difference and asks before it writes."
    _add(commands, "sso", "configure.sso", text, _configure_sso)


def _which(parser: Parser) -> None:
    parser.add_argument("--session", metavar="NAME", help="the [sso-session NAME] of the AWS configuration file")
    parser.add_argument("--profile", metavar="NAME", help="the profile whose sign-in is meant")
    parser.add_argument("--start-url", metavar="URL", help="start URL, instead of a configured one")
    parser.add_argument("--region", help="region of the start URL")
    parser.add_argument("--endpoint-url", metavar="URL", help="where the service is, instead of what is configured")


def _login(parser: Parser) -> None:
    _which(parser)
    _scopes(parser)
    parser.add_argument("--use-device-code", action="store_true", help="show a code to enter on any device")
    parser.add_argument("--no-browser", action="store_true", help="show the address and open no browser")
    parser.add_argument(
        "--callback-port", type=_port, default=0, metavar="N", help="loopback port for the browser (default: any)"
    )
    text = f"how long to wait for you{_TIME_HELP} (default: 10m; 0: for ever)"
    parser.add_argument("--timeout", type=_seconds, default=600.0, metavar="TIME", help=text)
    _min_ttl(parser)
    parser.add_argument("--force", action="store_true", help="sign in even if a sign-in is still good")
    _cache(parser)


def _logout(parser: Parser) -> None:
    _which(parser)
    parser.add_argument("--all", action="store_true", help="end every cached sign-in")
    _cache(parser)


def _status(parser: Parser) -> None:
    _which(parser)
    _cache(parser)


def _token(parser: Parser) -> None:
    _which(parser)
    _min_ttl(parser)
    _cache(parser)


def _accounts(parser: Parser) -> None:
    _which(parser)
    _cache(parser)


def _roles(parser: Parser) -> None:
    parser.add_argument("account_id", nargs="?", metavar="ACCOUNT_ID", help="of this account alone")
    _which(parser)
    _cache(parser)


def _role(parser: Parser) -> None:
    _which(parser)
    parser.add_argument("--account-id", metavar="ID", help="the account (default: that of the profile)")
    parser.add_argument("--role-name", metavar="NAME", help="the role (default: that of the profile)")
    text = f"how long the credentials must still be good{_TIME_HELP} (default: 0)"
    parser.add_argument("--min-ttl", type=_seconds, default=0.0, metavar="TIME", help=text)
    _cache(parser)


def _credentials(parser: Parser) -> None:
    _role(parser)
    text = "process: as credential_process wants them (default); env, powershell: to be evaluated by a shell"
    parser.add_argument("--format", choices=("process", "env", "powershell", "json"), default="process", help=text)
    parser.add_argument(
        "--export", action="store_const", dest="format", const="env", help='as --format env: eval "$(… --export)"'
    )


def _exec(parser: Parser) -> None:
    _role(parser)
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run, and its arguments"
    )


def _console(parser: Parser) -> None:
    _role(parser)
    parser.add_argument("--destination", metavar="URL", help="where in the console to begin")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def _configure_sso(parser: Parser) -> None:
    _which(parser)
    _scopes(parser)
    parser.add_argument("--account-id", metavar="ID", help="account whose role the profile takes")
    parser.add_argument("--role-name", metavar="NAME", help="role (permission set) that the profile takes")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument("--dry-run", action="store_true", help="show the difference and write nothing")
    add_json(parser)


def _doctor(parser: Parser) -> None:
    _which(parser)
    _cache(parser)


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _scopes(parser: Parser) -> None:
    parser.add_argument("--scopes", type=_list, metavar="A,B", help="scopes to register for")


def _min_ttl(parser: Parser) -> None:
    text = f"how long the access token must still be good{_TIME_HELP} (default: 0)"
    parser.add_argument("--min-ttl", type=_seconds, default=0.0, metavar="TIME", help=text)


def _cache(parser: Parser) -> None:
    parser.add_argument("--cache", metavar="SPEC", help=_CACHE_HELP)
    add_json(parser)


def _list(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number up to {_MAX_PORT}")
    return int(text)


def _seconds(text: str) -> float:
    """Also with a unit: ``90``, ``90s``, ``15m``, ``2h``."""
    number, factor = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        seconds = float(number) * factor
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time{_TIME_HELP}")
    return seconds
