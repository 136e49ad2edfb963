"""The client of the access portal, blocking and for asyncio: class AWS.SSO of the SDK for JavaScript."""

from collections.abc import AsyncIterator, Iterator
from typing import Unpack

from postern.api import portal as wire
from postern.client.base_service import BaseService
from postern.client.params import (
    GetConsoleUrlParams,
    GetRoleCredentialsParams,
    ListAccountRolesParams,
    ListAccountsParams,
    LogoutParams,
)
from postern.client.service import AsyncService, Service


class SSOPortalCalls(BaseService):
    """Calls as flows, for those who drive them over connections of their own."""

    model = wire.SERVICE


class SSOPortal(Service):
    """The blocking client. Options, flows and errors are those of `postern.SSOOIDC`.

    Each operation takes an ``access_token`` that `postern.SSOOIDC` got, and raises the errors of `postern.api.errors`:
    UnauthorizedException when the token is over, ForbiddenException when the account or role is not the person's.
    """

    model = wire.SERVICE

    def list_accounts(self, **params: Unpack[ListAccountsParams]) -> wire.ListAccountsResponse:
        """One page of the accounts where the person has a role."""
        return self.call(wire.LIST_ACCOUNTS, params)

    def list_account_roles(self, **params: Unpack[ListAccountRolesParams]) -> wire.ListAccountRolesResponse:
        """One page of the person's roles in an account."""
        return self.call(wire.LIST_ACCOUNT_ROLES, params)

    def get_role_credentials(self, **params: Unpack[GetRoleCredentialsParams]) -> wire.GetRoleCredentialsResponse:
        """Credentials for a role; ``expiration`` is in Unix milliseconds."""
        return self.call(wire.GET_ROLE_CREDENTIALS, params)

    def get_console_url(self, **params: Unpack[GetConsoleUrlParams]) -> wire.GetConsoleUrlResponse:
        """A link that signs in to a console as a role. Postern serves it, AWS does not."""
        return self.call(wire.GET_CONSOLE_URL, params)

    def logout(self, **params: Unpack[LogoutParams]) -> wire.LogoutResponse:
        """End the sign-in that the token belongs to."""
        return self.call(wire.LOGOUT, params)

    def list_all_accounts(self, **params: Unpack[ListAccountsParams]) -> Iterator[wire.AccountInfo]:
        """All accounts, page by page as they are asked for."""
        while True:
            page = self.list_accounts(**params)
            yield from page.account_list or ()
            if not page.next_token:
                return
            params["next_token"] = page.next_token

    def list_all_account_roles(self, **params: Unpack[ListAccountRolesParams]) -> Iterator[wire.RoleInfo]:
        """All roles in an account, page by page as they are asked for."""
        while True:
            page = self.list_account_roles(**params)
            yield from page.role_list or ()
            if not page.next_token:
                return
            params["next_token"] = page.next_token


class AsyncSSOPortal(AsyncService):
    """The same for asyncio."""

    model = wire.SERVICE

    async def list_accounts(self, **params: Unpack[ListAccountsParams]) -> wire.ListAccountsResponse:
        """As `SSOPortal.list_accounts`."""
        return await self.call(wire.LIST_ACCOUNTS, params)

    async def list_account_roles(self, **params: Unpack[ListAccountRolesParams]) -> wire.ListAccountRolesResponse:
        """As `SSOPortal.list_account_roles`."""
        return await self.call(wire.LIST_ACCOUNT_ROLES, params)

    async def get_role_credentials(self, **params: Unpack[GetRoleCredentialsParams]) -> wire.GetRoleCredentialsResponse:
        """As `SSOPortal.get_role_credentials`."""
        return await self.call(wire.GET_ROLE_CREDENTIALS, params)

    async def get_console_url(self, **params: Unpack[GetConsoleUrlParams]) -> wire.GetConsoleUrlResponse:
        """As `SSOPortal.get_console_url`."""
        return await self.call(wire.GET_CONSOLE_URL, params)

    async def logout(self, **params: Unpack[LogoutParams]) -> wire.LogoutResponse:
        """As `SSOPortal.logout`."""
        return await self.call(wire.LOGOUT, params)

    async def list_all_accounts(self, **params: Unpack[ListAccountsParams]) -> AsyncIterator[wire.AccountInfo]:
        """As `SSOPortal.list_all_accounts`."""
        while True:
            page = await self.list_accounts(**params)
            for account in page.account_list or ():
                yield account
            if not page.next_token:
                return
            params["next_token"] = page.next_token

    async def list_all_account_roles(self, **params: Unpack[ListAccountRolesParams]) -> AsyncIterator[wire.RoleInfo]:
        """As `SSOPortal.list_all_account_roles`."""
        while True:
            page = await self.list_account_roles(**params)
            for role in page.role_list or ():
                yield role
            if not page.next_token:
                return
            params["next_token"] = page.next_token
