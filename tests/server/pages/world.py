"""A server with people and clients in it, on the memory store, with a clock that tests move."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlencode

from starlette.types import ASGIApp

from postern.api.sso_oidc import (
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
)
from postern.core import users
from postern.core.audit import AuditEvent
from postern.core.caller import Caller
from postern.core.directory.instances import new_instance
from postern.core.keys import MasterKey
from postern.core.policy import InstancePolicy, Policy
from postern.core.records import Attempts, DeviceAuthorization, Instance, TokenFamily, User
from postern.core.register_client import register_client
from postern.core.service import Service, open_service
from postern.core.start_device_authorization import start_device_authorization
from postern.core.start_urls import own_start_url
from postern.core.store import ConfigurationChange
from postern.server.pages import create_pages
from postern.stores.memory import MemoryStore
from tests.server.pages.browsing import Answer, TestBrowser

PASSWORD = "correct horse battery staple"
TOOL = Caller(address="127.0.0.1", user_agent="aws-cli/2.31.0")
CHALLENGE = urlsafe_b64encode(sha256(b"v" * 43).digest()).decode().rstrip("=")
REDIRECT_URI = "http://127.0.0.1:53682/oauth/callback"


class PlainHasher:
    """Does no hashing, so that tests do not wait for it."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        return password_hash == f"plain:{password}"


class World:
    def __init__(self, service: Service, store: MemoryStore, now: list[float], events: list[AuditEvent]) -> None:
        self.service = service
        self.store = store
        self.events = events
        self.app: ASGIApp = create_pages(service)
        self._now = now

    def pass_time(self, seconds: float) -> None:
        self._now[0] += seconds

    def browser(self, address: str = "127.0.0.1") -> TestBrowser:
        return TestBrowser(self.app, self.service.policy.public_url, address)

    async def add_instance(self, name: str = "outpost") -> Instance:
        """Another instance, which the service knows at once."""
        instance = new_instance(name=name, now=self.service.now())
        await self.store.change_configuration(ConfigurationChange(create=(instance,)))
        await self.service.renew()
        return instance

    async def add_user(
        self, user_name: str = "ada", display_name: str = "Ada Lovelace", instance: Instance | None = None
    ) -> User:
        return await users.add_user(
            self.store,
            self.service.passwords,
            user_name=user_name,
            password=PASSWORD,
            display_name=display_name,
            instance=instance or self.service.instance,
            now=self.service.now(),
        )

    async def signed_in(self, user_name: str = "ada", address: str = "127.0.0.1") -> TestBrowser:
        if (
            await self.store.find_user_by_name(self.service.instance.instance_id, users.canonical_name(user_name))
            is None
        ):
            await self.add_user(user_name)
        browser = self.browser(address)
        answer = await sign_in(browser, user_name, PASSWORD)
        assert answer.location == "/start"
        return browser

    async def register(
        self,
        name: str = "my-tool",
        scopes: tuple[str, ...] | None = ("sso:account:access",),
        redirect_uris: tuple[str, ...] = ("http://127.0.0.1/oauth/callback",),
        issuer_url: str | None = None,
    ) -> RegisterClientResponse:
        request = RegisterClientRequest(
            client_name=name,
            client_type="public",
            scopes=scopes,
            redirect_uris=redirect_uris,
            issuer_url=issuer_url,
        )
        return await register_client(self.service, request, TOOL)

    async def start_device(
        self,
        name: str = "my-tool",
        scopes: tuple[str, ...] | None = ("sso:account:access",),
        caller: Caller = TOOL,
        instance: Instance | None = None,
    ) -> StartDeviceAuthorizationResponse:
        client = await self.register(name, scopes)
        request = StartDeviceAuthorizationRequest(
            client_id=client.client_id or "",
            client_secret=client.client_secret or "",
            start_url=own_start_url(self.service.policy, instance or self.service.instance),
        )
        return await start_device_authorization(self.service, request, caller)

    async def user_code(self, name: str = "my-tool", caller: Caller = TOOL) -> str:
        return (await self.start_device(name, caller=caller)).user_code or ""

    async def add_family(self, user: User, family_id: int = 7, client_name: str = "my-tool") -> TokenFamily:
        now = self.service.now()
        family = TokenFamily(
            family_id=family_id,
            key_id=self.service.ring.active.key_id,
            user_id=user.user_id,
            client_digest=b"c" * 32,
            client_name=client_name,
            scopes=("sso:account:access",),
            issues_refresh_token=True,
            grant_type="refresh_token",
            created_at=now,
            expires_at=now + 3600,
            rotated_at=now,
            access_expires_at=now + 3600,
            idle_expires_at=now + 3600,
        )
        self.store._rows.insert(family)
        return family

    def devices(self) -> list[DeviceAuthorization]:
        return self.store._rows.all(DeviceAuthorization)

    def remembered(self) -> dict[str, dict[object, object]]:
        """Everything in the store but the counters of guesses."""
        return {kind.__name__: dict(rows) for kind, rows in self.store._rows._tables.items() if kind is not Attempts}


async def open_world(public_url: str = "http://127.0.0.1:8765", instance_name: str = "Postern") -> World:
    store, now, events = MemoryStore(), [1_760_000_000.0], list[AuditEvent]()
    service = await open_service(
        store=store,
        clock=lambda: now[0],
        policy=Policy(public_url=public_url, instance=InstancePolicy(name=instance_name)),
        master=MasterKey(bytes(32)),
        passwords=PlainHasher(),
        record=events.append,
    )
    return World(service, store, now, events)


async def sign_in(browser: TestBrowser, user_name: str, password: str, next_path: str | None = None) -> Answer:
    page = await browser.get("/sign-in" if next_path is None else f"/sign-in?{urlencode({'next': next_path})}")
    return await browser.post("/sign-in", page.form("/sign-in") | {"username": user_name, "password": password})


def authorize_path(client_id: str | None, **changes: str | None) -> str:
    """A good authorization request with changes; ``None`` takes a parameter away."""
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT_URI,
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
    }
    sent = {name: value for name, value in (parameters | changes).items() if value is not None}
    return f"/authorize?{urlencode(sent)}"
