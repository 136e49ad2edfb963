"""Somebody who keeps the directory: commands on one data folder, within this process."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from postern.cli import main
from postern.cli.context import opened_store
from postern.core import users
from postern.core.clients import client_digest
from postern.core.records import TokenFamily
from postern.core.store import Store
from postern.server.settings import load
from postern.testing import samples

T = TypeVar("T")


class Keeper:
    """Runs commands; what they print is checked for being all that they print."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Standard output; a refusal's one line on standard error instead."""
        returned = main([*arguments, "--data", str(self.data)])
        out, err = self._capsys.readouterr()
        assert returned == code, (returned, out, err)
        if code == 0:
            assert err == ""
            return out
        assert out == ""
        assert err.startswith("postern: ")
        assert len(err.splitlines()) == 1
        return err

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def add_person(self, name: str) -> str:
        """Their id."""
        user_id: str = self.json("user", "add", name, "--generate")["user_id"]
        return user_id

    def ask(self, question: Callable[[Store], Awaitable[T]]) -> T:
        """What the store answers."""

        async def look() -> T:
            settings = load(environment={}, overrides={"server.data": str(self.data)})
            async with opened_store(settings) as store:
                return await question(store)

        return asyncio.run(look())

    def sign_in(self, user_name: str, client_id: str = "a client", client_name: str = "a tool") -> TokenFamily:
        """A person of the primary instance signs in, with a client, now."""
        now, digest = int(time.time()), client_digest(client_id)

        async def redeem(store: Store) -> TokenFamily:
            instance = await store.find_instance()
            assert instance is not None
            person = await users.require_user(store, user_name, instance)
            pending = samples.device_authorization(
                client_digest=digest,
                client_name=client_name,
                instance_id=instance.instance_id,
                created_at=now,
                expires_at=now + 600,
            )
            await store.create_device_authorization(pending)
            await store.decide_device_authorization(samples.decision(pending, person, now=now))
            return await store.redeem_device_authorization(
                samples.device_redemption(pending, client_digest=digest, now=now)
            )

        return self.ask(redeem)
