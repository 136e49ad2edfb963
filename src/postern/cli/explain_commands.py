"""The commands that say why: what they are called and what they take. Imported when one of them is called."""

from postern.cli.parser import Commands, Parser, add_command, add_instance, add_store


def explain_commands(explanations: Commands) -> None:
    """Those of ``postern explain``."""
    text = "Show what a token says, whether it is ours, and who would take it."
    add_command(explanations, "token", "explain.token", text, _token, epilog=_TOKEN_EPILOG)
    text = "Show how credentials for a person's role would be asked for, and who would grant them."
    add_command(explanations, "role", "explain.role", text, _role, epilog=_ROLE_EPILOG)


_TOKEN_EPILOG = """\
The token is read from a file, from standard input, or asked for: a command line can be seen by others.
Exit code 1: it is not ours, has expired, or is not what --profile takes.

examples:
  postern explain token token.jwt
  pbpaste | postern explain token - --profile ceph
"""

_ROLE_EPILOG = """\
Nobody is asked for anything. Exit code 1: the source's own token profile, or the trust policy, would refuse.

examples:
  postern explain role 111122223333 ReadOnly --user mira
  postern explain role Lab ReadOnly --user mira --trust-policy trust.json --json
"""


def _profile(parser: Parser, text: str) -> None:
    # The names of the token profiles; those of the core would take its imports to declare.
    names = ("aws", "ceph", "minio", "rustfs", "seaweedfs", "plain")
    parser.add_argument("--profile", choices=names, help=text)


def _token(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", help="file with the token, or - for standard input")
    _profile(parser, "what this consumer makes of it alone")


def _role(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("account", metavar="ACCOUNT", help="id or name")
    parser.add_argument("role_name", metavar="ROLE", help="name of the permission set")
    parser.add_argument("--user", required=True, metavar="NAME", help="whose role it is")
    parser.add_argument("--trust-policy", metavar="FILE", help="the role's trust policy (JSON), to be read with it")
    _profile(parser, "what this consumer would make of it, if it were the source's token profile")
