"""The process that load runs in."""

import resource
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(load: Coroutine[Any, Any, T]) -> T:
    """On uvloop, since load has to be quicker than the server, and with as many open files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return uvloop.run(load)
