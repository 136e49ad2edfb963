"""Running a command, and the one place where what went wrong becomes a line on standard error and an exit code.

Exit codes:
  0    done
  1    refused, not found, or (`doctor`) something is wrong
  2    wrong usage, settings or configuration
  3    store or master key unfit
  4    sign-in needed, denied or expired
  5    the service cannot be reached, or does not answer as it should
  130  interrupted
"""

import gc
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, TextIO, cast

from postern.cli.exit_codes import INTERRUPTED, CommandFailed, UsageError, code_of, complaint_about
from postern.cli.output import Output, OutputFailed, tell

if TYPE_CHECKING:
    import argparse

__all__ = ["CommandFailed", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``postern`` command; its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    output = Output(sys.stdout)
    try:
        with redirect_stdout(cast(TextIO, output)):
            done = _run(words)
            output.finish()
        return done
    except KeyboardInterrupt:
        if sys.stderr is not None and sys.stderr.isatty():
            tell("")  # the prompt shall not stand behind a line of progress
        return INTERRUPTED
    except BrokenPipeError:
        return _end_quietly()
    except OutputFailed as failure:
        tell(f"postern: standard output cannot be written to: {failure}")
        return _end_quietly()
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        tell(f"postern: {complaint_about(error)}")
        return code


def _run(words: Sequence[str]) -> int:
    if words[:1] == ["__names"]:  # asked by the shell at each press of the tab key: no parser for that
        from postern.cli.names import show_names

        return show_names(words[1:])
    _require_text(words)
    from importlib import import_module

    from postern.cli.plain import plain_options

    options = plain_options(words) or _parsed(words)
    command = import_module(f"postern.cli.{options.module}")
    if not gc.isenabled():  # until here: see `postern.__main__`
        gc.freeze()
        gc.enable()
    result: int | None = getattr(command, options.function)(options)
    return result or 0


def _parsed(words: Sequence[str]) -> "argparse.Namespace":
    from postern.cli.parser import command_line

    return command_line().parse_args(words)


def _require_text(words: Sequence[str]) -> None:
    """
    Raises:
        UsageError: an argument is not UTF-8, and could be neither kept nor shown.
    """
    for number, word in enumerate(words, start=1):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"argument {number} is not text in UTF-8") from None


def _end_quietly() -> int:
    """Nobody takes our output any more. Python would complain once more when it flushes at its end."""
    import os

    with suppress(OSError, AttributeError):  # there may be no file behind it, or nothing at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
