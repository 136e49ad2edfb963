"""A small world for the rules: a service on the memory store, a virtual clock, one person, and what clients do."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TypeVar

import msgspec
import pytest

from postern.api.errors import ModelledError
from postern.api.sso_oidc import (
    CreateTokenRequest,
    CreateTokenResponse,
    RegisterClientRequest,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
)
from postern.core import approve_device, authorize, sign_in, tokens, user_codes, users
from postern.core.audit import AuditEvent, EventName
from postern.core.caller import Caller
from postern.core.clients import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from postern.core.create_token import create_token
from postern.core.directory import instances as directory_instances
from postern.core.keys import KeyRing, MasterKey, new_key_record, open_ring
from postern.core.policy import Policy
from postern.core.records import DeviceAuthorization, Instance, TokenFamily, User, UserStatus
from postern.core.register_client import register_client
from postern.core.service import Service, open_service
from postern.core.sign_in import ActiveSession
from postern.core.start_device_authorization import start_device_authorization
from postern.core.store import ConfigurationChange
from postern.stores.memory import MemoryStore

MASTER = MasterKey(bytes(32))
PUBLIC_URL = "https://sso.example.com"
START_URL = f"{PUBLIC_URL}/start"
PASSWORD = "correct horse battery"
REDIRECT_URI = "http://127.0.0.1/oauth/callback"
PRESENTED_URI = "http://127.0.0.1:53412/oauth/callback"
ACCOUNT_ACCESS = "sso:account:access"
INSTANCE = Instance(
    instance_id="ssoins-1111111111111111",
    identity_store_id="d-1111111111",
    owner_account_id="111122223333",
    created_at=1_780_000_000,
)
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
LAPTOP = Caller(address="192.0.2.10", user_agent="aws-cli/2.36.7")
PHONE = Caller(address="198.51.100.7", user_agent="Mozilla/5.0")
STRANGER = Caller(address="203.0.113.66", user_agent="curl/8")


T = TypeVar("T")
E = TypeVar("E", bound=ModelledError)


class VirtualClock:
    """Unix seconds that pass only when a test says so."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class PlainHasher:
    """Hashes without work, and counts how often it was asked to verify."""

    def __init__(self) -> None:
        self.verified: list[str | None] = []

    async def hash(self, password: str) -> str:
        return "hash of " + sha256(password.encode()).hexdigest()

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.verified.append(password_hash)
        return password_hash == await self.hash(password)


class Client(msgspec.Struct, frozen=True):
    """What a client keeps of its registration."""

    client_id: str
    client_secret: str


class World:
    """A service, its clock, its audit log and ``person``, with what people and clients do."""

    def __init__(
        self, service: Service, clock: VirtualClock, events: list[AuditEvent], hasher: PlainHasher, person: User
    ) -> None:
        self.service = service
        self.store = service.store
        self.clock = clock
        self.events = events
        self.hasher = hasher
        self.person = person

    @property
    def now(self) -> int:
        return self.service.now()

    def event_names(self) -> list[EventName]:
        return [event.event_name for event in self.events]

    def change(self, section: str, **settings: object) -> None:
        """Change the policy from here on."""
        changed = msgspec.structs.replace(getattr(self.service.policy, section), **settings)
        self.service.policy = msgspec.structs.replace(self.service.policy, **{section: changed})

    # What a client does

    async def register(
        self,
        *,
        scopes: tuple[str, ...] | None = (ACCOUNT_ACCESS,),
        grant_types: tuple[str, ...] | None = (DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN),
        redirect_uris: tuple[str, ...] | None = (REDIRECT_URI,),
        issuer_url: str | None = None,
    ) -> Client:
        request = RegisterClientRequest(
            client_name="botocore-client-demo",
            client_type="public",
            scopes=scopes,
            grant_types=grant_types,
            redirect_uris=redirect_uris,
            issuer_url=issuer_url,
        )
        response = await register_client(self.service, request, LAPTOP)
        assert response.client_id is not None
        assert response.client_secret is not None
        return Client(response.client_id, response.client_secret)

    async def register_legacy(self) -> Client:
        """As clients older than scopes do: no scopes, no grants, no redirect URIs."""
        return await self.register(scopes=None, grant_types=None, redirect_uris=None)

    async def start(
        self, client: Client, start_url: str = START_URL, caller: Caller = LAPTOP
    ) -> StartDeviceAuthorizationResponse:
        request = StartDeviceAuthorizationRequest(
            client_id=client.client_id, client_secret=client.client_secret, start_url=start_url
        )
        return await start_device_authorization(self.service, request, caller)

    async def create_token(self, client: Client, grant_type: str, **members: object) -> CreateTokenResponse:
        base = CreateTokenRequest(client_id=client.client_id, client_secret=client.client_secret, grant_type=grant_type)
        return await create_token(self.service, msgspec.structs.replace(base, **members), LAPTOP)

    async def poll(self, client: Client, device_code: str, scope: tuple[str, ...] | None = None) -> CreateTokenResponse:
        return await self.create_token(client, DEVICE_CODE, device_code=device_code, scope=scope)

    async def redeem(self, client: Client, code: str, **changes: object) -> CreateTokenResponse:
        members: dict[str, object] = {"code": code, "redirect_uri": PRESENTED_URI, "code_verifier": VERIFIER}
        return await self.create_token(client, AUTHORIZATION_CODE, **members | changes)

    async def refresh(
        self, client: Client, refresh_token: str, scope: tuple[str, ...] | None = None
    ) -> CreateTokenResponse:
        return await self.create_token(client, REFRESH_TOKEN, refresh_token=refresh_token, scope=scope)

    # What the person does

    async def browser(self, user: User | None = None, caller: Caller = PHONE) -> ActiveSession:
        """A browser that just signed in."""
        user = user or self.person
        secret = await sign_in.sign_in(
            self.service,
            user_name=user.user_name,
            password=PASSWORD,
            caller=caller,
            replaces=None,
            instance=self.service.instances.get(user.instance_id),
        )
        active = await sign_in.find_session(self.service, secret)
        assert active is not None
        return active

    async def add_instance(self, name: str) -> Instance:
        """Another instance, which the service knows at once."""
        instance = directory_instances.new_instance(name=name, now=self.now)
        await self.store.change_configuration(ConfigurationChange(create=(instance,)))
        await self.service.renew()
        return instance

    async def add_person(self, user_name: str, instance: Instance | None = None) -> User:
        return await users.add_user(
            self.store,
            self.hasher,
            user_name=user_name,
            password=PASSWORD,
            instance=instance or self.service.instance,
            now=self.now,
        )

    async def decide(
        self, user_code: str, *, approve: bool = True, active: ActiveSession | None = None
    ) -> DeviceAuthorization:
        active = active or await self.browser()
        token = approve_device.approval_token(self.service, active, user_code)
        return await approve_device.decide(
            self.service, active, user_code=user_code, token=token, approve=approve, caller=PHONE
        )

    async def code(self, client: Client, **query: str) -> str:
        """An authorization code, as it comes back to the client's redirect URI."""
        request = await authorize.validate(self.service, authorization_query(client, **query))
        url = await authorize.approve(self.service, await self.browser(), request, PHONE)
        return url.partition("code=")[2].partition("&")[0].replace("%3A", ":")

    async def disable(self) -> None:
        await users.set_status(
            self.store,
            user_name=self.person.user_name,
            status=UserStatus.DISABLED,
            instance=self.service.instance,
            now=self.now,
        )

    async def rotate_keys(self) -> None:
        """A newer key takes over at once; the older ones go on verifying."""
        newest = new_key_record(MASTER, created_at=self.now, activates_at=self.now + 1)
        await self.store.ensure_ring_key(newest, unless_newer_than=newest.activates_at)
        ring = open_ring(MASTER, await self.store.list_ring_keys(), self.now, self.service.ring)
        self.service.ring = KeyRing(ring.keys[newest.key_id], ring.keys)

    # Whole sign-ins

    async def approved(self, client: Client) -> str:
        """The device code of an approved authorization."""
        started = await self.start(client)
        await self.decide(present(started.user_code))
        return present(started.device_code)

    async def signed_in(self, client: Client) -> CreateTokenResponse:
        return await self.poll(client, await self.approved(client))

    async def family_of(self, response: CreateTokenResponse) -> TokenFamily:
        claims = tokens.open_value(self.service.ring, tokens.Kind.ACCESS_TOKEN, present(response.access_token))
        assert claims is not None
        return present(await self.store.find_token_family(claims.row_id))

    async def authorization_of(self, user_code: str) -> DeviceAuthorization:
        (digest, *_) = user_codes.candidate_digests(self.service.ring, user_code)
        return present(await self.store.find_device_authorization_by_user_code(digest))


async def open_world(clock: VirtualClock, events: list[AuditEvent], hasher: PlainHasher) -> World:
    store = MemoryStore()
    await store.ensure_instance(INSTANCE)
    service = await open_service(
        store=store,
        clock=clock,
        policy=Policy(public_url=PUBLIC_URL),
        master=MASTER,
        passwords=hasher,
        record=events.append,
    )
    person = await users.add_user(
        service.store, hasher, user_name="Mira", password=PASSWORD, instance=service.instance, now=service.now()
    )
    return World(service, clock, events, hasher, person)


def authorization_query(client: Client, **changes: str) -> dict[str, str]:
    """The query that the newest AWS CLI opens the browser with."""
    return {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": PRESENTED_URI,
        "state": "a-state",
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
        "scopes": ACCOUNT_ACCESS,
    } | changes


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def present(value: T | None) -> T:
    assert value is not None
    return value


@contextmanager
def refused(error: type[E], because: str = "") -> Iterator[pytest.ExceptionInfo[E]]:
    """The call within is refused with exactly this modelled error, and the log learns why."""
    with pytest.raises(error) as refusal:
        yield refusal
    assert refusal.value.wire_name() == error.wire_name()
    assert refusal.value.reason
    assert because in refusal.value.reason
