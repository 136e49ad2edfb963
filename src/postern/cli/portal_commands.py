"""The commands that say who may be what where, and where role credentials come from: what they are called and what they
take. Imported when one of them is called.
"""

from postern.cli.parser import Commands, Parser, add_command, add_instance, add_store


def instance_commands(instances: Commands) -> None:
    """Those of ``postern instance``."""
    add_command(instances, "add", "instance.add", "Add an instance with people and accounts of its own.", _instance_add)
    add_command(instances, "list", "instance.list_all", "List all instances and their start URLs.", add_store)
    add_command(instances, "update", "instance.update", "Change an instance's start URL aliases.", _instance_update)
    add_command(instances, "remove", "instance.delete", "Remove an instance that is empty.", _instance)


def account_commands(accounts: Commands) -> None:
    """Those of ``postern account``."""
    add_command(accounts, "add", "account.add", "Add an account.", _account_add)
    add_command(accounts, "list", "account.list_all", "List all accounts.", add_instance)
    add_command(accounts, "update", "account.update", "Change an account.", _account_update)
    add_command(accounts, "remove", "account.delete", "Remove an account and its assignments.", _account)


def permission_set_commands(sets: Commands) -> None:
    """Those of ``postern permission-set``."""
    target = "permission_set"
    add_command(sets, "add", f"{target}.add", "Add a permission set: a role that people may have.", _permission_set_add)
    add_command(sets, "list", f"{target}.list_all", "List all permission sets.", add_instance)
    add_command(sets, "update", f"{target}.update", "Change a permission set.", _permission_set_update)
    add_command(sets, "remove", f"{target}.delete", "Remove a permission set and its assignments.", _permission_set)


def session_commands(sessions: Commands) -> None:
    """Those of ``postern session``."""
    add_command(sessions, "list", "session.list_all", "List who is signed in, and with what.", _session_list)
    text = "End sign-ins, at once and on every node."
    add_command(sessions, "revoke", "session.revoke", text, _session_revoke, epilog=_REVOKE_EPILOG)


def credential_source_commands(sources: Commands) -> None:
    """Those of ``postern credential-source``."""
    target = "credential_source"
    text = "Add a source of role credentials."
    add_command(sources, "add", f"{target}.add", text, _source_add, epilog=_SOURCE_EPILOG)
    add_command(sources, "list", f"{target}.list_all", "List all credential sources.", add_store)
    add_command(sources, "show", f"{target}.show_one", "Show all of a credential source but its secret.", _source)
    text = "Change a credential source: what is given replaces what was."
    add_command(sources, "update", f"{target}.update", text, _source_update)
    add_command(sources, "remove", f"{target}.delete", "Remove a credential source that nothing names.", _source)


_REVOKE_EPILOG = """\
examples:
  postern session revoke --user ann
  postern session revoke --client "botocore-client-demo"
  postern session revoke 0197f3c2a1b40001
"""

_SOURCE_EPILOG = """\
Templates: {account_id} {role_name} {user_name} {user_id} {email} {display_name} {groups}

examples:
  postern credential-source add aws --type web-identity --endpoint https://sts.us-east-1.amazonaws.com \\
      --audience sts.amazonaws.com --session-tag user={user_name}
  postern credential-source add store --type web-identity --endpoint https://minio.example.org \\
      --audience minio --token-profile minio --role-arn "" --policy {role_name}
  postern credential-source add lab --type assume-role --endpoint https://sts.example.org --region us-east-1 \\
      --access-key-id AKIAIOSFODNN7EXAMPLE --secret-access-key-env LAB_SECRET --external-id postern
"""


def _instance(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("name", metavar="INSTANCE", help="name or id")


def _instance_add(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("name", metavar="NAME", help="small letters, digits and hyphens")
    parser.add_argument("--owner-account-id", metavar="ID", help="the account that it is of (default: a new one)")
    _aliases(parser)


def _instance_update(parser: Parser) -> None:
    _instance(parser)
    _aliases(parser)


def _aliases(parser: Parser) -> None:
    text = "a further start URL that clients may name; may be repeated, and an empty one empties the list"
    parser.add_argument("--start-url-alias", action="append", metavar="URL", help=text)


def _account_add(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("account_id", metavar="ACCOUNT_ID", help="12 digits")
    parser.add_argument("--name", required=True, help="what people call it")
    _account_members(parser)


def _account(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("account", metavar="ACCOUNT", help="id or name")


def _account_update(parser: Parser) -> None:
    _account(parser)
    parser.add_argument("--name", help="what people call it")
    _account_members(parser)


def _account_members(parser: Parser) -> None:
    parser.add_argument("--email", help="e-mail address of whoever is responsible")
    _source_name(parser)


def _source_name(parser: Parser) -> None:
    text = "where role credentials come from (postern credential-source); empty for the default"
    parser.add_argument("--credential-source", metavar="NAME", help=text)


def _permission_set(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="PERMISSION_SET", help="name or ARN")


def _permission_set_add(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="NAME", help="the role name that people see")
    _permission_set_members(parser)


def _permission_set_update(parser: Parser) -> None:
    _permission_set(parser)
    _permission_set_members(parser)


def _permission_set_members(parser: Parser) -> None:
    parser.add_argument("--description", help="what it is for")
    text = "how long role credentials are good: in seconds, or like 4h or PT4H (default: 1h)"
    parser.add_argument("--session-duration", metavar="TIME", help=text)
    parser.add_argument("--relay-state", metavar="URL", help="where in the console a session begins")
    _source_name(parser)


def assignment(parser: Parser) -> None:
    """``postern assign`` and ``postern unassign``."""
    add_instance(parser)
    parser.add_argument("account", metavar="ACCOUNT", help="id or name")
    parser.add_argument("permission_set", metavar="PERMISSION_SET", help="name or ARN")
    parser.add_argument("--user", action="append", metavar="USER_NAME", help="a person; may be repeated")
    parser.add_argument("--group", action="append", metavar="GROUP", help="a group, by name or id; may be repeated")


def assignments(parser: Parser) -> None:
    """``postern assignments``."""
    add_instance(parser)
    parser.add_argument("--account", metavar="ACCOUNT", help="in this account alone")
    parser.add_argument("--permission-set", metavar="NAME", help="of this permission set alone")
    principal = parser.add_mutually_exclusive_group()
    principal.add_argument("--user", metavar="USER_NAME", help="of this person, by groups too")
    principal.add_argument("--group", metavar="GROUP", help="of this group")


def _of_sign_ins(parser: Parser) -> None:
    add_store(parser)
    text = "of people of this instance, by name or id (default: --user is of the primary one, the rest of any)"
    parser.add_argument("--instance", metavar="NAME", help=text)


def _session_list(parser: Parser) -> None:
    _of_sign_ins(parser)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--user", metavar="USER_NAME", help="of this person alone")
    whose.add_argument("--client", metavar="CLIENT", help="of this client alone, by id or name")


def _session_revoke(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument(
        "--instance", metavar="NAME", help="instance of --user, by name or id (default: the primary one)"
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="one sign-in, as the list has it")
    parser.add_argument("--user", metavar="USER_NAME", help="all of this person, those of browsers too")
    parser.add_argument("--client", metavar="CLIENT", help="all of this client, by id or name")


def _source(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("name", metavar="SOURCE")


def _source_add(parser: Parser) -> None:
    _source(parser)
    types = ("local", "web-identity", "assume-role")
    parser.add_argument("--type", required=True, choices=types, help="who makes the credentials")
    _source_members(parser)


def _source_update(parser: Parser) -> None:
    _source(parser)
    _source_members(parser)


def _source_members(parser: Parser) -> None:
    from argparse import BooleanOptionalAction

    parser.add_argument("--description", help="what it is")
    parser.add_argument("--endpoint", metavar="URL", help="the STS")
    parser.add_argument("--region", help="region of the STS")
    parser.add_argument("--role-arn", metavar="ARN", help="role to assume, a template; empty if the STS wants none")
    parser.add_argument("--source-identity", metavar="TEXT", help="source identity of the session, a template")
    text = "session tag, its value a template; may be repeated"
    parser.add_argument("--session-tag", action="append", metavar="KEY=VALUE", help=text)
    parser.add_argument("--transitive-tag", action="append", metavar="KEY", help="a session tag that is transitive")
    text = "whether plain http is good enough elsewhere than on loopback"
    parser.add_argument("--allow-http", action=BooleanOptionalAction, default=None, help=text)
    web = parser.add_argument_group("web identity")
    web.add_argument("--audience", metavar="TEXT", help="for whom the token is")
    web.add_argument("--token-profile", metavar="NAME", help="aws (default), ceph, minio, rustfs, seaweedfs, plain")
    web.add_argument("--algorithm", help="signature of the token (default: that of the profile)")
    web.add_argument("--policy", action="append", metavar="NAME", help="policy in the token, a template; repeatable")
    role = parser.add_argument_group("assume role")
    role.add_argument("--access-key-id", metavar="ID", help="our access key at the STS")
    role.add_argument("--external-id", metavar="TEXT", help="external id")
    secret = role.add_mutually_exclusive_group()
    secret.add_argument("--secret-access-key-file", metavar="FILE", help="its secret, in a file")
    secret.add_argument("--secret-access-key-env", metavar="VARIABLE", help="its secret, in an environment variable")
    secret.add_argument("--secret-access-key-stdin", action="store_true", help="its secret, on standard input")
    console = parser.add_argument_group("console")
    console.add_argument("--console-federation-endpoint", metavar="URL", help="AWS's, or one like it")
    console.add_argument("--console-destination", metavar="URL", help="where in the console to begin")
