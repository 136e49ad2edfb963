"""What waits for somebody else is no work of this server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from postern.server.admission import Admission
from postern.server.elsewhere import CredentialsElsewhere, HashesElsewhere, KeysElsewhere, SigninElsewhere

Wait = Callable[[Any, Admission], Awaitable[object]]


class Slow:
    """Stands for each of the ports: answers when it is told to."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()

    async def _answer(self, *asked: object) -> str:
        await self.goes_on.wait()
        return "answer"

    find = get = hash = verify = signin_token = assume_role = assume_role_with_web_identity = _answer


WAITS: dict[str, Wait] = {
    "keys of an issuer": lambda port, admission: KeysElsewhere(port, admission).find("https://issuer.example", None),
    "role credentials": lambda port, admission: CredentialsElsewhere(port, admission).get(b"key", port.get),
    "a sign-in token": lambda port, admission: SigninElsewhere(port, admission).signin_token(port),
    "a hash": lambda port, admission: HashesElsewhere(port, admission).hash("password"),
    "a verified password": lambda port, admission: HashesElsewhere(port, admission).verify("hash", "password"),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
async def test_it_is_counted_again_when_the_answer_is_there(wait: Wait) -> None:
    port, admission = Slow(), Admission(target=1, most=1)
    admission.begin()
    waiting = asyncio.ensure_future(wait(port, admission))
    await asyncio.sleep(0)
    assert admission.in_work == 0
    assert admission.has_room()
    port.goes_on.set()
    assert await waiting == "answer"
    assert admission.in_work == 1


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
async def test_it_is_counted_again_when_it_was_given_up(wait: Wait) -> None:
    admission = Admission(target=1, most=1)
    admission.begin()
    waiting = asyncio.ensure_future(wait(Slow(), admission))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert admission.in_work == 1
