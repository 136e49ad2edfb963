"""``postern serve``."""

import argparse

from postern.cli.context import settings_from
from postern.cli.main import CommandFailed
from postern.server.serving import CannotListen, CannotStart
from postern.server.serving import serve as run_server
from postern.server.settings import Settings


def serve(options: argparse.Namespace) -> None:
    settings = settings_from(options)
    run(settings)


def run(settings: Settings) -> None:
    """Serve, and print the line that scripts wait for."""
    try:
        run_server(settings, lambda: print(f"ready {settings.public_url}", flush=True))
    except (CannotListen, CannotStart) as error:
        raise CommandFailed(str(error)) from None
