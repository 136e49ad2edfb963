"""Only so many passwords wait to be verified."""

import asyncio

from postern.core.passwords import HasherBusy
from postern.server import password_hashing
from postern.server.password_hashing import ThreadedHasher


async def test_more_than_may_wait_are_refused_at_once_and_the_others_are_verified() -> None:
    hasher = ThreadedHasher()
    password_hash = await hasher.hash("correct horse")
    outcomes = await asyncio.gather(
        *(hasher.verify(password_hash, "correct horse") for _ in range(hasher._max_present + 5)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(HasherBusy) == 5
    assert outcomes.count(True) == hasher._max_present >= password_hashing._MAX_WAITING
    assert await hasher.verify(password_hash, "correct horse")
