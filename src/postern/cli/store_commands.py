"""What the commands of ``postern store`` are called and what they take."""

from postern.cli.parser import Commands, Parser, add_command, add_store


def store_commands(stores: Commands) -> None:
    add_command(stores, "check", "store.check", "Read through the whole store and say whether it is sound.", add_store)
    text = "Bring the schema up to date; servers do that by themselves when they start."
    add_command(stores, "migrate", "store.migrate", text, _migrate)
    text = "Copy the store to another one while servers use it, and have them use that one from then on."
    add_command(stores, "copy", "store_copy.copy", text, _copy)
    text = "Write a back-up of the store to a file, while servers run."
    add_command(stores, "backup", "backup.backup", text, _backup)
    text = "Put a back-up in place; servers must be stopped."
    add_command(stores, "restore", "restore.restore", text, _restore)
    text = "Say that the store was put back to an earlier state by other means, before a server starts on it."
    add_command(stores, "restored", "restore.restored", text, _restored)


def _backup(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")


def _restore(parser: Parser) -> None:
    _restored(parser)
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--force", action="store_true", help="move a store that is there aside")


def _restored(parser: Parser) -> None:
    add_store(parser)
    text = "revoke every sign-in too, and access tokens with it"
    parser.add_argument("--end-sign-ins", action="store_true", help=text)
    text = "audit log since the back-up: revoke the sign-ins of those who ended one"
    parser.add_argument("--ended-since", metavar="LOG", help=text)


def _migrate(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be applied, and apply nothing")


def _copy(parser: Parser) -> None:
    add_store(parser)
    parser.add_argument("--from", dest="source", metavar="URL", help="store to copy (default: that of the settings)")
    parser.add_argument("--to", dest="target", metavar="URL", required=True, help="store to copy to; an empty one")
    text = "go on with a copy that was interrupted"
    parser.add_argument("--continue", dest="resume", action="store_true", help=text)
