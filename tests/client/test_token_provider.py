"""Tokens that are handed out and refreshed in time: by threads, by tasks, and by eight processes at once."""

import asyncio
import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postern.api import errors as wire
from postern.client.errors import ConnectionFailed, SignInRequired
from postern.client.http import HttpRequest, HttpResponse
from postern.client.sso_oidc import SSOOIDC, AsyncSSOOIDC
from postern.client.token_cache import CachedToken, FileTokenCache, SessionKey
from postern.client.token_provider import AsyncTokenProvider, TokenProvider
from postern.client.token_refresh import usable_token
from tests.client.fakes import Either, answer, options
from tests.client.token_cache.samples import NOW, SESSION, TOKEN
from tests.client.token_world import NEARLY_OVER, NEW, OVER, REFRESHED, BriefCache, Clock, Service, lock_is_free


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> FileTokenCache:
    return FileTokenCache(tmp_path, now=clock)


class TestProvider:
    def test_a_fresh_token_costs_no_look_at_the_cache(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN)
        provider = TokenProvider(Service(), SESSION, cache, now=clock)
        assert provider.access_token() == TOKEN.access_token
        cache.delete(SESSION)
        clock.time += 100

        assert provider.get_token(min_ttl=3499) == TOKEN
        with pytest.raises(SignInRequired):
            provider.get_token(min_ttl=3500)

    def test_threads_refresh_once(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        together = threading.Barrier(8)
        service = Service(NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)

        def ask(_: int) -> str:
            together.wait(timeout=10)
            return provider.access_token()

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(8))) == {"new"}
        assert len(service.requests) == 1

    def test_an_outage_is_not_asked_about_all_the_time(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, TOKEN._replace(expires_at=NOW + 100, issued_at=None))
        service = Service(ConnectionFailed("no route"), NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)
        for seconds in (0, 10, 10, 9):
            clock.time += seconds
            assert provider.access_token() == TOKEN.access_token
        assert len(service.requests) == 1

        clock.time += 1
        assert provider.access_token() == "new"

    def test_after_a_new_sign_in_it_goes_on(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        provider = TokenProvider(Service(wire.InvalidGrantException()), SESSION, cache, now=clock)
        with pytest.raises(SignInRequired):
            provider.get_token()
        cache.store(SESSION, TOKEN)

        assert provider.get_token() == TOKEN

    def test_a_clock_that_is_put_back_does_not_keep_an_old_token(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, NEARLY_OVER._replace(issued_at=None))
        service = Service(ConnectionFailed("no route"), NEW)
        provider = TokenProvider(service, SESSION, cache, now=clock)
        provider.get_token()
        clock.time -= 100

        assert provider.access_token() == "new"


class SlowAnswer:
    """A transport whose answer is on its way until it may come: the refresh token has been spent meanwhile."""

    def __init__(self) -> None:
        self.is_asked, self.may_come = asyncio.Event(), asyncio.Event()
        self.sends = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sends += 1
        self.is_asked.set()
        await self.may_come.wait()
        return ANSWER

    async def close(self) -> None:
        assert self.may_come.is_set()


ANSWER = answer(members={"accessToken": "new", "expiresIn": 3600, "refreshToken": "rotated"})


def over(transport: Any, cache: FileTokenCache, clock: Clock) -> AsyncTokenProvider:
    return AsyncTokenProvider(AsyncSSOOIDC(**options(transport)), SESSION, cache, now=clock)


class TestAsyncProvider:
    async def test_tasks_refresh_once(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        service = Service(NEW)
        provider = AsyncTokenProvider(service, SESSION, cache, now=clock)

        assert set(await asyncio.gather(*(provider.access_token() for _ in range(8)))) == {"new"}
        assert len(service.requests) == 1
        assert (await provider.get_token()) == REFRESHED

    async def test_tasks_that_wait_together_fail_together(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        service = Service(ConnectionFailed("no route"), NEW)
        provider = AsyncTokenProvider(service, SESSION, cache, now=clock)

        outcomes = await asyncio.gather(*(provider.get_token() for _ in range(8)), return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} == {ConnectionFailed}
        assert len(service.requests) == 1
        assert await provider.get_token() == REFRESHED

    async def test_many_providers_do_not_take_the_threads_that_one_of_them_needs(
        self, cache: FileTokenCache, clock: Clock
    ) -> None:
        cache.store(SESSION, OVER)
        service = Service(NEW)
        with ThreadPoolExecutor(2) as few:
            asyncio.get_running_loop().set_default_executor(few)
            providers = [AsyncTokenProvider(service, SESSION, BriefCache(cache.folder), now=clock) for _ in range(8)]
            tokens = await asyncio.gather(*(provider.access_token() for provider in providers))

        assert tokens == ["new"] * 8
        assert len(service.requests) == 1


class TestCancelled:
    """A task that is cancelled, mostly by a time-out, while a token is refreshed."""

    async def test_it_stops_waiting_for_the_lock_and_leaves_it_to_others(
        self, cache: FileTokenCache, clock: Clock
    ) -> None:
        cache.store(SESSION, OVER)
        provider = AsyncTokenProvider(Service(NEW), SESSION, cache, now=clock)

        with FileTokenCache(cache.folder).lock(SESSION):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(provider.get_token(), timeout=0.1)
            await asyncio.wait_for(provider.close(), timeout=5)

        assert lock_is_free(cache)
        assert await provider.get_token() == REFRESHED

    async def test_it_ends_at_once_and_the_refresh_goes_on(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        transport = SlowAnswer()
        provider = over(transport, cache, clock)
        task = asyncio.create_task(provider.get_token())
        await transport.is_asked.wait()

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, timeout=5)
        assert not lock_is_free(cache)
        transport.may_come.set()

        assert await provider.get_token() == REFRESHED
        assert cache.load(SESSION) == REFRESHED
        assert transport.sends == 1

    async def test_others_who_wait_for_the_same_get_it(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        transport = SlowAnswer()
        provider = over(transport, cache, clock)
        first, second = (asyncio.create_task(provider.get_token()) for _ in range(2))
        await transport.is_asked.wait()

        first.cancel()
        transport.may_come.set()

        assert await second == REFRESHED
        assert first.cancelled()
        assert transport.sends == 1

    async def test_closing_waits_for_what_is_under_way(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)
        transport = SlowAnswer()
        provider = over(transport, cache, clock)
        task = asyncio.create_task(provider.get_token())
        await transport.is_asked.wait()
        task.cancel()

        asyncio.get_running_loop().call_later(0.05, transport.may_come.set)
        await provider.close()

        assert cache.load(SESSION) == REFRESHED
        assert lock_is_free(cache)

    def test_the_end_of_the_loop_waits_too(self, cache: FileTokenCache, clock: Clock) -> None:
        cache.store(SESSION, OVER)

        async def program() -> None:
            transport = SlowAnswer()
            provider = over(transport, cache, clock)
            waiting = asyncio.create_task(provider.get_token())
            await transport.is_asked.wait()
            asyncio.get_running_loop().call_later(0.05, transport.may_come.set)
            assert not waiting.done()

        asyncio.run(program())

        assert cache.load(SESSION) == REFRESHED
        assert lock_is_free(cache)

    async def test_while_the_new_token_is_written_it_is_written(
        self, cache: FileTokenCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.store(SESSION, OVER)
        is_storing, may_go_on = threading.Event(), threading.Event()
        store = cache.store

        def slow_store(key: SessionKey, token: CachedToken) -> None:
            is_storing.set()
            may_go_on.wait(timeout=10)
            store(key, token)

        monkeypatch.setattr(cache, "store", slow_store)
        provider = AsyncTokenProvider(Service(NEW), SESSION, cache, now=clock)
        task = asyncio.create_task(provider.get_token())
        await asyncio.to_thread(is_storing.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        assert not lock_is_free(cache)
        may_go_on.set()
        await provider.close()

        assert task.cancelled()
        assert cache.load(SESSION) == REFRESHED
        assert lock_is_free(cache)

    async def test_a_failure_that_nobody_waits_for_is_not_complained_of(
        self, cache: FileTokenCache, clock: Clock
    ) -> None:
        cache.store(SESSION, OVER)
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        fails = threading.Event()
        provider = AsyncTokenProvider(
            Service(ConnectionFailed("no route"), happen=lambda: fails.wait(10)), SESSION, cache, now=clock
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(provider.get_token(), timeout=0.1)
        fails.set()
        await provider.close()
        gc.collect()

        assert complaints == []
        assert lock_is_free(cache)

    def test_a_sign_in_that_is_broken_off_keeps_what_its_refresh_got(self, cache: FileTokenCache, clock: Clock) -> None:
        """As `async_login` does it: the flow is driven by the task itself, and the client is closed afterwards."""
        cache.store(SESSION, OVER)

        async def program() -> None:
            transport: Any = SlowAnswer()
            async with AsyncSSOOIDC(**options(transport)) as client:
                task = asyncio.create_task(client.drive(usable_token(SESSION, cache, client, now=clock)))
                await transport.is_asked.wait()
                asyncio.get_running_loop().call_later(0.05, transport.may_come.set)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        asyncio.run(program())

        assert cache.load(SESSION) == REFRESHED


def test_the_client_refreshes_over_its_own_connections(cache: FileTokenCache, clock: Clock, either: Either) -> None:
    cache.store(SESSION, NEARLY_OVER)
    transport = either.transport(ANSWER)

    async def ask() -> CachedToken:
        async with AsyncSSOOIDC(**options(transport)) as client:
            return await AsyncTokenProvider(client, SESSION, cache, now=clock).get_token()

    if either.kind == "async":
        token = asyncio.run(ask())
    else:
        with SSOOIDC(**options(transport)) as client:
            token = TokenProvider(client, SESSION, cache, now=clock).get_token()

    assert token == REFRESHED
    assert transport.bodies == [
        {
            "clientId": "client-1",
            "clientSecret": "client-secret",
            "grantType": "refresh_token",
            "refreshToken": "refresh-secret",
        }
    ]


_ONE_OF_MANY = '''
import asyncio, json, sys, time
from pathlib import Path
from postern.api import errors
from postern.api.sso_oidc import CreateTokenResponse
from postern.client.effects import Sleep
from postern.client.token_cache import FileTokenCache, SessionKey
from postern.client.token_cache.lock import FileLock
from postern.client.token_provider import AsyncTokenProvider, TokenProvider

class Service:
    """Rotates refresh tokens, and takes each once: what it has issued is in a journal."""
    transport = None
    def flow(self, operation, request):
        journal = Path(sys.argv[1], "journal")
        yield Sleep(0.05)
        issued = journal.read_text().split()
        if request.refresh_token != issued[-1]:
            raise errors.InvalidGrantException("theft")
        with journal.open("a") as file:
            file.write(f"refresh-{len(issued)}\\n")
        yield Sleep(0.05)
        number = len(issued)
        return CreateTokenResponse(
            access_token=f"access-{number}", expires_in=3600, refresh_token=f"refresh-{number}"
        )

key, cache = SessionKey(sys.argv[2], sys.argv[3]), FileTokenCache(Path(sys.argv[1], "cache"))
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[4] == "sync":
    print(TokenProvider(Service(), key, cache).access_token())
else:
    async def main():
        return await AsyncTokenProvider(Service(), key, cache).access_token()
    print(asyncio.run(main()))
'''


def test_eight_processes_refresh_once_and_all_are_signed_in(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("refresh-0\n")
    cache = FileTokenCache(tmp_path / "cache")
    cache.store(SESSION, OVER._replace(refresh_token="refresh-0", registration_expires_at=4e9))
    arguments = [str(tmp_path), SESSION.start_url, str(SESSION.session_name)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _ONE_OF_MANY, *arguments, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in ("sync", "async") * 4
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in processes]

    assert ends == [("access-1\n", "")] * 8
    assert (tmp_path / "journal").read_text() == "refresh-0\nrefresh-1\n"
    kept = cache.load(SESSION)
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("access-1", "refresh-1")


_FORKED_MEANWHILE = """
import os, signal, sys, threading
from postern.api.sso_oidc import CreateTokenResponse
from postern.client.effects import Call
from postern.client.token_cache import FileTokenCache, SessionKey
from postern.client.token_provider import TokenProvider

is_asked, is_forked = threading.Event(), threading.Event()

def on_its_way():
    is_asked.set()
    is_forked.wait(10)

class Service:
    transport = None
    def flow(self, operation, request):
        yield Call(on_its_way)
        return CreateTokenResponse(access_token="new", expires_in=3600, refresh_token="rotated")

provider = TokenProvider(Service(), SessionKey(sys.argv[2], sys.argv[3]), FileTokenCache(sys.argv[1]))
thread = threading.Thread(target=provider.get_token)
thread.start()
is_asked.wait(10)
child = os.fork()
if not child:
    signal.alarm(10)
    print("child:", provider.access_token(), flush=True)
    os._exit(0)
is_forked.set()
thread.join()
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_child_that_was_forked_while_a_thread_refreshed_gets_the_token(tmp_path: Path) -> None:
    FileTokenCache(tmp_path).store(SESSION, OVER._replace(registration_expires_at=4e9))
    command = [sys.executable, "-c", _FORKED_MEANWHILE, str(tmp_path), SESSION.start_url, str(SESSION.session_name)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (ended.stdout, ended.returncode) == ("child: new\n", 0)
