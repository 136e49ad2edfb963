"""The front door: the ``postern`` command. Each sub-command is a file of its own, imported only when it is called."""

from postern.cli.main import main

__all__ = ["main"]
