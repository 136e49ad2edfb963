"""The commands of those who keep people and groups: what they are called and what they take. Imported when one of them
is called.
"""

from postern.cli.parser import Commands, Parser, add_command, add_instance


def user_commands(users: Commands) -> None:
    """Those of ``postern user``."""
    add_command(users, "add", "user.add", "Add a person.", _user_add)
    add_command(users, "list", "user.list_all", "List all people.", add_instance)
    text = "Show all of a person: groups, accounts and roles, sign-ins."
    add_command(users, "show", "user_show.show_one", text, _user_named)
    add_command(users, "update", "user.update", "Change a person's name or address.", _user_update)
    add_command(users, "disable", "user.disable", "Disable a person; all their sign-ins end.", _user_named)
    add_command(users, "enable", "user.enable", "Enable a person again.", _user_named)
    text = "Set a new password; all the person's sign-ins end."
    add_command(users, "password", "user.password", text, _user_password)
    text = "Note the id that another directory has for a person."
    add_command(users, "external-id", "external_ids.external_id", text, _user_external_id)
    text = "Remove a person, with memberships and assignments; all their sign-ins end."
    add_command(users, "remove", "user.delete", text, _user_remove)


def group_commands(groups: Commands) -> None:
    """Those of ``postern group``."""
    add_command(groups, "add", "group.add", "Add a group.", _group_add)
    add_command(groups, "list", "group.list_all", "List all groups.", add_instance)
    add_command(groups, "update", "group.update", "Change a group's name or description.", _group_update)
    text = "Remove a group, with its memberships and assignments."
    add_command(groups, "remove", "group.delete", text, _group)
    add_command(groups, "join", "group.join", "Put a person into a group.", _group_and_user)
    add_command(groups, "leave", "group.leave", "Take a person out of a group.", _group_and_user)
    add_command(groups, "members", "group.members", "List the people in a group.", _group)


def _user_named(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("user_name", metavar="USER_NAME")


def _user_add(parser: Parser) -> None:
    _user_named(parser)
    _user_members(parser, default="")
    text = "the id that another directory has for the person; may be repeated"
    parser.add_argument("--external-id", action="append", metavar="ISSUER=ID", help=text)
    _password_source(parser, or_none=True)


def _user_update(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("user", metavar="USER_NAME")
    parser.add_argument("--user-name", metavar="NAME", help="a new user name")
    _user_members(parser, default=None)


def _user_members(parser: Parser, default: str | None) -> None:
    parser.add_argument("--display-name", metavar="NAME", default=default, help="name shown on the pages")
    parser.add_argument("--given-name", metavar="NAME", default=default, help="given name")
    parser.add_argument("--family-name", metavar="NAME", default=default, help="family name")
    parser.add_argument("--email", metavar="ADDRESS", default=default, help="e-mail address")


def _user_password(parser: Parser) -> None:
    _user_named(parser)
    _password_source(parser)


def _user_external_id(parser: Parser) -> None:
    _user_named(parser)
    parser.add_argument("external_id", metavar="ISSUER=ID")
    parser.add_argument("--remove", action="store_true", help="forget it instead")


def _user_remove(parser: Parser) -> None:
    _user_named(parser)
    parser.add_argument("--yes", action="store_true", help="remove without asking")


def _password_source(parser: Parser, *, or_none: bool = False) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    source.add_argument("--generate", action="store_true", help="make a random password and print it once")
    if or_none:
        text = "set none: the person cannot sign in until there is one"
        source.add_argument("--no-password", action="store_true", help=text)


def _group_add(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--description", default="", help="what the group is for")


def _group(parser: Parser) -> None:
    add_instance(parser)
    parser.add_argument("name", metavar="GROUP", help="name or id")


def _group_update(parser: Parser) -> None:
    _group(parser)
    parser.add_argument("--name", dest="new_name", metavar="NAME", help="a new name")
    parser.add_argument("--description", help="what the group is for")


def _group_and_user(parser: Parser) -> None:
    _group(parser)
    parser.add_argument("user_name", metavar="USER_NAME")
