"""The lock between processes, and writes that are cut off: with real processes that are really killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postern.client.token_cache import FileTokenCache, LockTimeout
from postern.client.token_cache.lock import pauses
from tests.client.token_cache.samples import SESSION, TOKEN

_PROLOGUE = """
import os, signal, sys
from postern.client.token_cache import FileTokenCache, SessionKey
cache, key = FileTokenCache(sys.argv[1]), SessionKey(sys.argv[2], sys.argv[3])
"""
_HOLD = "cache.lock(key).acquire(); print('held', flush=True); sys.stdin.read()"
_DIE_BEFORE_RENAME = """
os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
cache.store(key, cache.load(key)._replace(access_token="newer"))
"""


@contextmanager
def process(folder: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _PROLOGUE + script, str(folder), SESSION.start_url, str(SESSION.session_name)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    cache = FileTokenCache(tmp_path)
    with process(tmp_path, _HOLD) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockTimeout, match=f"another process has kept the lock for 0.02 s: {tmp_path}"):
            cache.lock(SESSION, timeout=0.02).acquire()

        os.kill(holder.pid, signal.SIGKILL)

        with cache.lock(SESSION, timeout=10):
            pass


def test_a_writer_that_is_killed_before_the_rename_leaves_the_old_token(tmp_path: Path) -> None:
    cache = FileTokenCache(tmp_path)
    cache.store(SESSION, TOKEN)

    with process(tmp_path, _DIE_BEFORE_RENAME) as writer:
        assert writer.wait(timeout=30) == -signal.SIGKILL

    assert cache.load(SESSION) == TOKEN
    assert len(list(tmp_path.glob("*.postern.tmp"))) == 1


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    script = """
lock = cache.lock(key)
lock.acquire()
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
lock.release()
print("released", flush=True)
sys.stdin.read()
"""
    with process(tmp_path, script) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "released\n"

        with FileTokenCache(tmp_path).lock(SESSION, timeout=1):
            pass


def test_the_lock_file_stays(tmp_path: Path) -> None:
    cache = FileTokenCache(tmp_path)
    with cache.lock(SESSION):
        held = [(path.name, path.stat().st_ino) for path in tmp_path.iterdir()]
    with cache.lock(SESSION):
        assert [(path.name, path.stat().st_ino) for path in tmp_path.iterdir()] == held


@pytest.mark.parametrize("timeout", [0.0, 0.003, 0.02, 1.0, 60.0])
def test_the_pauses_grow_and_make_up_the_time_out(timeout: float) -> None:
    waits = list(pauses(timeout))

    assert sum(waits) == pytest.approx(timeout)
    assert all(0 < wait <= 0.05 for wait in waits)
    assert waits[:-1] == sorted(waits[:-1])


def test_a_lock_in_vain_leaves_no_file_open(tmp_path: Path) -> None:
    cache = FileTokenCache(tmp_path)
    with cache.lock(SESSION):
        before = len(list(Path("/dev/fd").iterdir()))
        assert not cache.lock(SESSION).try_acquire()
        assert len(list(Path("/dev/fd").iterdir())) == before
