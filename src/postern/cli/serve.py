"""``postern serve``."""

import argparse
from collections.abc import Callable

from postern.cli.context import settings_from
from postern.cli.exit_codes import CommandFailed
from postern.server.serving import CannotListen, CannotStart
from postern.server.serving import serve as run_server
from postern.server.settings import Settings


def serve(options: argparse.Namespace) -> None:
    settings = settings_from(options)
    run(settings)


def run(settings: Settings, first: Callable[[], None] = lambda: None) -> None:
    """Serve; once requests are answered, do what comes ``first`` and print the line that scripts wait for."""

    def on_ready() -> None:
        first()
        print(f"ready {settings.public_url}", flush=True)

    try:
        run_server(settings, on_ready)
    except (CannotListen, CannotStart) as error:
        raise CommandFailed(str(error)) from None
