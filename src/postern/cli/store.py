"""``postern store check``."""

import argparse
import asyncio

from postern.cli.context import settings_from
from postern.cli.output import show
from postern.stores import check_store, without_password


def check(options: argparse.Namespace) -> None:
    """
    Raises:
        StoreError: the store is damaged; the text says how.
    """
    url = settings_from(options).store_url
    asyncio.run(check_store(url))
    shown = without_password(url)
    show(options, {"store": shown, "sound": True}, f"{shown} is sound")
