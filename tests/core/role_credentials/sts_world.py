"""An STS in the small world: it gives what a test says, and remembers what it was asked."""

import itertools
from typing import Any

import msgspec

from postern.core.directory.records import (
    AssumeRoleSource,
    ConsoleOptions,
    CredentialSource,
    LocalSource,
    WebIdentitySource,
)
from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.role_credentials.port import AssumeRoleCall, SigninTokenCall, StsError, WebIdentityCall
from postern.core.role_credentials.secrets import seal_secret
from postern.testing import samples
from tests.core.portal_world import ACCOUNT_ID, assign, create
from tests.core.world import MASTER, World

OWN_KEY = "AKIAOFPOSTERN"
OWN_SECRET = "the secret access key of postern"


class FakeSts:
    """``failure`` is what it answers instead. ``calls`` are those that it got."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self.failure: StsError | None = None
        self.calls: list[WebIdentityCall | AssumeRoleCall | SigninTokenCall] = []

    async def assume_role_with_web_identity(self, call: WebIdentityCall) -> TemporaryCredentials:
        return self._give(call, call.duration)

    async def assume_role(self, call: AssumeRoleCall) -> TemporaryCredentials:
        return self._give(call, call.duration)

    async def signin_token(self, call: SigninTokenCall) -> str:
        self._give(call, call.duration)
        return "a sign-in token"

    def _give(self, call: WebIdentityCall | AssumeRoleCall | SigninTokenCall, duration: int) -> TemporaryCredentials:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure
        number = next(self._numbers)
        return TemporaryCredentials(
            access_key_id=f"ASIA{number}",
            secret_access_key=f"secret {number}",
            session_token=f"token {number}",
            expires_at=self._world.now + duration,
        )

    def the_call(self) -> Any:
        (call,) = self.calls
        return call


def open_sts(world: World) -> FakeSts:
    sts = FakeSts(world)
    world.service.sts = sts
    return sts


def web_identity(**changes: Any) -> WebIdentitySource:
    return msgspec.structs.replace(
        WebIdentitySource(endpoint="https://sts.example.org", audience="sts.amazonaws.com"), **changes
    )


def assume_role(name: str = "sts", **changes: Any) -> AssumeRoleSource:
    return msgspec.structs.replace(
        AssumeRoleSource(
            endpoint="https://sts.example.org",
            region="eu-central-1",
            access_key_id=OWN_KEY,
            sealed_secret=seal_secret(MASTER, name, OWN_KEY, OWN_SECRET),
        ),
        **changes,
    )


def local(console: ConsoleOptions | None = None) -> LocalSource:
    return LocalSource(console=console)


async def add_role(
    world: World, options: LocalSource | WebIdentitySource | AssumeRoleSource, name: str = "sts", **role: Any
) -> CredentialSource:
    """The role Admin of the person, with credentials from such a source."""
    source = samples.credential_source(name, options=options)
    account = samples.account(ACCOUNT_ID, credential_source=name)
    permission_set = samples.permission_set("Admin", **role)
    await create(world, source, account, permission_set)
    await assign(world, account, [permission_set])
    await world.service.renew()
    return source
