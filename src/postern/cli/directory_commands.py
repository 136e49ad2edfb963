"""The commands of those who keep applications, issuers and access keys, and the directory as a file: what they are
called and what they take. Imported when one of them is called.
"""

from postern.cli.parser import Commands, Parser, add_command, add_instance, add_store


def iam_commands(iam: Commands) -> None:
    """Those of ``postern iam``."""
    text = "Make an access key for a principal. Its secret is shown once."
    add_command(iam, "add", "iam.add", text, _iam_add, epilog=_IAM_ADD_EPILOG)
    add_command(iam, "list", "iam.list_all", "List all access keys, without their secrets.", add_store)
    text = "Make a key inactive; its temporary credentials end with it."
    add_command(iam, "disable", "iam.disable", text, _access_key)
    add_command(iam, "enable", "iam.enable", "Make a key active again.", _access_key)
    add_command(iam, "remove", "iam.delete", "Remove a key, and with it its temporary credentials.", _access_key)
    text = "Make temporary credentials from an access key."
    add_command(iam, "session", "iam_session.session", text, _iam_session, epilog=_IAM_SESSION_EPILOG)


def application_commands(applications: Commands) -> None:
    """Those of ``postern application``."""
    text = "Add an application."
    add_command(applications, "add", "application.add", text, _application_add, epilog=_APPLICATION_EPILOG)
    text = "Change an application: what is given replaces what was."
    add_command(applications, "update", "application.update", text, _application_update, epilog=_APPLICATION_EPILOG)
    add_command(applications, "list", "application.list_all", "List all applications.", add_store)
    add_command(applications, "show", "application.show_one", "Show all of an application.", _application)
    add_command(applications, "enable", "application.enable", "Enable an application again.", _application)
    text = "Disable an application; it gets no tokens any more."
    add_command(applications, "disable", "application.disable", text, _application)
    text = "Remove an application and its assignments."
    add_command(applications, "remove", "application.delete", text, _application)
    text = "Let a person or a group use an application."
    add_command(applications, "assign", "application.assign", text, _application_and_principal)
    text = "Let a person or a group use an application no longer."
    add_command(applications, "unassign", "application.unassign", text, _application_and_principal)
    text = "List who is assigned to an application."
    add_command(applications, "assignments", "application.assignments", text, _application)


def issuer_commands(issuers: Commands) -> None:
    """Those of ``postern trusted-token-issuer``."""
    text = "Trust the assertions of an OIDC issuer, for the applications that name it."
    target = "trusted_token_issuer"
    add_command(issuers, "add", f"{target}.add", text, _issuer_add, epilog=_ISSUER_EPILOG)
    add_command(issuers, "list", f"{target}.list_all", "List all trusted token issuers.", add_store)
    add_command(issuers, "show", f"{target}.show_one", "Show all of a trusted token issuer.", _issuer)
    add_command(issuers, "enable", f"{target}.enable", "Trust an issuer again.", _issuer)
    add_command(issuers, "disable", f"{target}.disable", "Refuse an issuer's assertions for now.", _issuer)
    text = "Remove an issuer that no application trusts."
    add_command(issuers, "remove", f"{target}.delete", text, _issuer)


_IAM_ADD_EPILOG = """\
examples:
  postern iam add --user reports
  postern iam add --principal arn:aws:iam::111122223333:role/reports --description "nightly run" --json
"""

_IAM_SESSION_EPILOG = """\
examples:
  eval "$(postern iam session AKIAIOSFODNN7EXAMPLE)"
  postern iam session AKIAIOSFODNN7EXAMPLE --role arn:aws:iam::111122223333:role/reports --session-name nightly

for a profile of the AWS configuration file:
  credential_process = postern iam session AKIAIOSFODNN7EXAMPLE --format process
"""

_APPLICATION_EPILOG = """\
an empty word empties a list: --scope "", --principal ""

examples:
  postern application add reports --redirect-uri http://127.0.0.1:8080/callback --refresh-token \\
      --principal arn:aws:iam::111122223333:user/reports
  postern application add lake --token-exchange --principal arn:aws:iam::111122223333:role/lake
  postern application update reports --scope s3:access_grants=lake --trust corp=api://reports
  postern application update reports --remove-grant jwt_bearer
  postern application assign reports --group analysts
"""

_ISSUER_EPILOG = """\
example:
  postern trusted-token-issuer add corp --issuer-url https://login.example.org/v2.0 \\
      --claim email --attribute emails.value
"""

_APPLY_EPILOG = """\
All of the file is applied, or nothing. What is new is made, what differs is replaced, and what the file does not name
is left alone, unless --prune is given. A status or a password that is not given stays as it is. Secrets are not in the
file, but in a file or an environment variable that it names. Every table and key: docs/directory.md.

an example:
  [[user]]
  user_name = "mira"
  email = "mira@example.org"

  [[account]]
  account_id = "111122223333"
  name = "Production"

  [[permission_set]]
  name = "Admin"
  session_duration = "4h"

  [[assignment]]
  accounts = ["111122223333"]
  permission_sets = ["Admin"]
  groups = ["analysts"]

  [[group]]
  name = "analysts"
  description = "who may read reports"
  members = ["mira"]

  [[trusted_token_issuer]]
  name = "corp"
  issuer_url = "https://login.example.org/v2.0"
  claim_attribute_path = "email"
  identity_store_attribute_path = "emails.value"
  algorithms = ["RS256"]

  [[access_key]]
  access_key_id = "AKIAIOSFODNN7EXAMPLE"
  principal_arn = "arn:aws:iam::111122223333:user/reports"
  secret_access_key_file = "reports.secret"     # beside this file; or secret_access_key_env = "REPORTS_SECRET"

  [[application]]
  name = "reports"
  principals = ["arn:aws:iam::111122223333:user/reports"]     # or [application.actor_policy], an IAM policy
  access_scopes = ["redshift:connect", {scope = "s3:access_grants", authorized_targets = ["lake"]}]
  assigned_groups = ["analysts"]                              # and assigned_users, by their user names
  [application.authorization_code]
  redirect_uris = ["http://127.0.0.1:8080/callback"]
  [application.refresh_token]
  [application.jwt_bearer]
  authorized_token_issuers = [{trusted_token_issuer = "corp", authorized_audiences = ["api://reports"]}]

  [[application]]
  name = "lake"
  assignment_required = false
  [application.token_exchange]
"""


def _iam_add(parser: Parser) -> None:
    add_instance(parser)
    principal = parser.add_mutually_exclusive_group(required=True)
    principal.add_argument("--principal", metavar="ARN", help="whose key it is")
    principal.add_argument("--user", metavar="NAME", help="instead: an IAM user in the account of the instance")
    principal.add_argument("--role", metavar="NAME", help="instead: a role in the account of the instance")
    parser.add_argument("--description", default="", help="what the key is for")


def _access_key(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("access_key_id", metavar="ACCESS_KEY_ID")


def _iam_session(parser: Parser) -> None:
    _access_key(parser)
    text = "how long they are good, in seconds (default: 3600)"
    parser.add_argument("--duration", type=int, default=3600, metavar="SECONDS", help=text)
    parser.add_argument("--role", metavar="ARN", help="the role that is assumed; else they are the key's principal's")
    parser.add_argument(
        "--session-name", metavar="NAME", help="name of the role's session (default: the access key id)"
    )
    text = "lines for a shell (default), JSON, or what credential_process wants"
    parser.add_argument("--format", choices=("env", "json", "process"), default="env", help=text)


def _application(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("name", metavar="APPLICATION", help="name or ARN")


def _application_and_principal(parser: Parser) -> None:
    _application(parser)
    principal = parser.add_mutually_exclusive_group(required=True)
    principal.add_argument("--user", metavar="USER_NAME", help="a person")
    principal.add_argument("--group", metavar="GROUP", help="a group, by name or id")


def _application_add(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="NAME")
    _application_options(parser)
    parser.set_defaults(remove_grant=None)


def _application_update(parser: Parser) -> None:
    _application(parser)
    _application_options(parser)
    grants = ("authorization_code", "refresh_token", "jwt_bearer", "token_exchange")
    parser.add_argument("--remove-grant", action="append", choices=grants, help="take a grant away; may be repeated")


def _application_options(parser: Parser) -> None:
    from argparse import BooleanOptionalAction

    def add_list(option: str, metavar: str, text: str) -> None:
        parser.add_argument(option, action="append", metavar=metavar, help=f"{text}; may be repeated")

    parser.add_argument("--description", metavar="TEXT", help="what the application is for")
    add_list("--redirect-uri", "URI", "authorization code grant: where people are sent back to")
    text = "whether codes need PKCE (they do, unless that is said)"
    parser.add_argument("--pkce", action=BooleanOptionalAction, help=text)
    parser.add_argument("--refresh-token", action="store_true", default=None, help="refresh token grant")
    add_list("--trust", "ISSUER=AUDIENCE[,…]", "JWT bearer grant: a trusted token issuer (name or ARN) and audiences")
    parser.add_argument("--token-exchange", action="store_true", default=None, help="token exchange grant")
    add_list("--accept-scope", "SCOPE", "token exchange: scope by which public clients' tokens are for it")
    add_list("--scope", "SCOPE[=TARGET,…]", "scope of its tokens, and the applications that may exchange them")
    actors = parser.add_mutually_exclusive_group()
    text = "whose credentials may use it; may be repeated"
    actors.add_argument("--principal", action="append", metavar="ARN", help=text)
    actors.add_argument("--policy", metavar="FILE", help="instead: the actor policy, an IAM policy in JSON")
    text = "whether only assigned people may use it (default: yes)"
    parser.add_argument("--assignment-required", choices=("yes", "no"), help=text)


def _issuer(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("name", metavar="ISSUER", help="name or ARN")


def _issuer_add(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="NAME")
    text = "the issuer, as its tokens name it; its keys are found by OIDC discovery"
    parser.add_argument("--issuer-url", metavar="URL", required=True, help=text)
    text = "claim of a token that says who the person is, for example email"
    parser.add_argument("--claim", metavar="PATH", required=True, help=text)
    text = "what the claim is of the person: userName, emails.value, externalIds.id"
    parser.add_argument("--attribute", metavar="PATH", required=True, help=text)
    text = "signature algorithm to accept; may be repeated (default: RS256, ES256)"
    parser.add_argument("--algorithm", action="append", metavar="ALG", help=text)


def apply(parser: Parser) -> None:
    """``postern apply``."""
    parser.epilog = _APPLY_EPILOG
    add_store(parser)
    parser.add_argument("file", metavar="FILE", help="the declarative file (TOML)")
    _prune(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the differences and change nothing: postern plan")
    parser.add_argument("--yes", action="store_true", help="remove without asking")


def plan(parser: Parser) -> None:
    """``postern plan``."""
    add_store(parser)
    parser.add_argument("file", metavar="FILE", help="the declarative file (TOML)")
    _prune(parser)
    text = "exit with 1 where there are differences"
    parser.add_argument("--detailed-exitcode", action="store_true", help=text)


def export(parser: Parser) -> None:
    """``postern export``."""
    add_store(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="where to write it (default: standard output)")
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def _prune(parser: Parser) -> None:
    text = "remove what is stored and not in the file, people too"
    parser.add_argument("--prune", action="store_true", help=text)
