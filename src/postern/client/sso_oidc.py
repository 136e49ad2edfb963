"""The client of the SSO OIDC service, blocking and for asyncio: class AWS.SSOOIDC of the reference page."""

from collections.abc import Mapping
from typing import Any, Unpack

from postern.api import sso_oidc as wire
from postern.client.base_service import BaseService
from postern.client.effects import Flow
from postern.client.params import (
    CreateTokenParams,
    CreateTokenWithIamParams,
    RegisterClientParams,
    StartDeviceAuthorizationParams,
)
from postern.client.service import AsyncService, Service


def _token_issued(service: BaseService, params: Mapping[str, object], settings: Mapping[str, float]) -> Flow[Any]:
    from postern.client.waiters import token_issued

    return token_issued(service, params, settings)


_WAITERS = {"token_issued": _token_issued}


class SSOOIDCCalls(BaseService):
    """Calls as flows, for those who drive them over connections of their own."""

    model = wire.SERVICE


class SSOOIDC(Service):
    """The blocking client. Every option of its constructor is explained in docs/client.md.

    Each operation raises the modelled errors of `postern.api.errors` when the service refuses, and a
    `postern.client.errors.ClientError` when no answer came or it cannot be used.
    """

    model = wire.SERVICE
    waiters = _WAITERS

    def register_client(self, **params: Unpack[RegisterClientParams]) -> wire.RegisterClientResponse:
        """Register a client. Keep the result: it is good for many sign-ins, until ``client_secret_expires_at``."""
        return self.call(wire.REGISTER_CLIENT, params)

    def start_device_authorization(
        self, **params: Unpack[StartDeviceAuthorizationParams]
    ) -> wire.StartDeviceAuthorizationResponse:
        """Begin a sign-in by device code: what to show to the person, and the code to poll with."""
        return self.call(wire.START_DEVICE_AUTHORIZATION, params)

    def create_token(self, **params: Unpack[CreateTokenParams]) -> wire.CreateTokenResponse:
        """Redeem a device code, an authorization code or a refresh token."""
        return self.call(wire.CREATE_TOKEN, params)

    def create_token_with_iam(self, **params: Unpack[CreateTokenWithIamParams]) -> wire.CreateTokenWithIamResponse:
        """Redeem an authorization code, a refresh token, an assertion or a subject token; signed with the client's
        credentials.

        Raises:
            CredentialsError: there are none.
        """
        return self.call(wire.CREATE_TOKEN_WITH_IAM, params)


class AsyncSSOOIDC(AsyncService):
    """The same for asyncio."""

    model = wire.SERVICE
    waiters = _WAITERS

    async def register_client(self, **params: Unpack[RegisterClientParams]) -> wire.RegisterClientResponse:
        """As `SSOOIDC.register_client`."""
        return await self.call(wire.REGISTER_CLIENT, params)

    async def start_device_authorization(
        self, **params: Unpack[StartDeviceAuthorizationParams]
    ) -> wire.StartDeviceAuthorizationResponse:
        """As `SSOOIDC.start_device_authorization`."""
        return await self.call(wire.START_DEVICE_AUTHORIZATION, params)

    async def create_token(self, **params: Unpack[CreateTokenParams]) -> wire.CreateTokenResponse:
        """As `SSOOIDC.create_token`."""
        return await self.call(wire.CREATE_TOKEN, params)

    async def create_token_with_iam(
        self, **params: Unpack[CreateTokenWithIamParams]
    ) -> wire.CreateTokenWithIamResponse:
        """As `SSOOIDC.create_token_with_iam`."""
        return await self.call(wire.CREATE_TOKEN_WITH_IAM, params)
