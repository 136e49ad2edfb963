"""A sign-in under way: what was asked for, and what the flows work with."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from postern.api.errors import AccessDeniedException, ExpiredTokenException
from postern.api.sso_oidc import CREATE_TOKEN, CreateTokenRequest, CreateTokenResponse
from postern.client import token_refresh
from postern.client.answers import printable
from postern.client.effects import Call, Emit, Flow
from postern.client.endpoints import Endpoint
from postern.client.errors import SignInDenied, SignInExpired
from postern.client.sign_in.browser import Decision, open_url
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.interface import SignInInterface
from postern.client.sign_in.login_request import LoginRequest
from postern.client.token_cache.port import TokenCache


class Caller(token_refresh.Caller, Protocol):
    """Makes calls as flows, and knows where they go."""

    @property
    def endpoint(self) -> Endpoint: ...


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """``browser`` says whether and how one can be opened; ``time`` is what the person has in all."""

    request: LoginRequest
    caller: Caller
    cache: TokenCache
    interface: SignInInterface
    browser: Decision
    now: Callable[[], float]
    time: Countdown

    @property
    def opens_browser(self) -> bool:
        return self.request.open_browser and self.browser.can_open

    @property
    def reason(self) -> str:
        """Why a browser is or is not opened."""
        return self.browser.reason if self.request.open_browser else "no browser is to be opened here"

    def notice(self, text: str) -> Flow[None]:
        yield Emit((self.interface.notice,), (text,))

    def open_browser(self, url: str) -> Flow[None]:
        """Open a browser at ``url``, if that is to be."""
        if not self.opens_browser:
            return
        is_open = yield Call(partial(open_url, self.browser.commands, url))
        if not is_open:
            yield from self.notice("No browser could be started: go to the address above.")

    def redeem(self, request: CreateTokenRequest) -> Flow[CreateTokenResponse]:
        """Ask for the token.

        Raises:
            SignInDenied: the person, or a policy, said no.
            SignInExpired: the code is no longer good.
            ModelledError, ClientError: anything else.
        """
        try:
            return (yield from self.caller.flow(CREATE_TOKEN, request))
        except AccessDeniedException as error:
            raise SignInDenied(f"the sign-in was denied: {printable(error.description)}") from error
        except ExpiredTokenException as error:
            raise SignInExpired("the sign-in was not finished in time") from error
