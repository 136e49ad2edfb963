"""Which rule serves which operation: the server's table, read down."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from postern.api import oauth, portal, sso_oidc
from postern.api.operation import Operation, Shape
from postern.core.caller import Caller
from postern.core.create_token import create_token
from postern.core.create_token_with_iam import create_token_with_iam
from postern.core.get_console_url import get_console_url
from postern.core.get_role_credentials import get_role_credentials
from postern.core.introspect_token import introspect_token
from postern.core.list_account_roles import list_account_roles
from postern.core.list_accounts import list_accounts
from postern.core.logout import logout
from postern.core.register_client import register_client
from postern.core.revoke_token import revoke_token
from postern.core.service import Service
from postern.core.start_device_authorization import start_device_authorization

Rule = Callable[[Service, Any, Caller], Awaitable[Shape]]


class Endpoint(msgspec.Struct, frozen=True):
    operation: Operation[Any, Any]
    rule: Rule


ENDPOINTS = (
    Endpoint(sso_oidc.REGISTER_CLIENT, register_client),
    Endpoint(sso_oidc.START_DEVICE_AUTHORIZATION, start_device_authorization),
    Endpoint(sso_oidc.CREATE_TOKEN, create_token),
    Endpoint(sso_oidc.CREATE_TOKEN_WITH_IAM, create_token_with_iam),
    Endpoint(oauth.INTROSPECT_TOKEN, introspect_token),
    Endpoint(oauth.REVOKE_TOKEN, revoke_token),
    Endpoint(portal.LIST_ACCOUNTS, list_accounts),
    Endpoint(portal.LIST_ACCOUNT_ROLES, list_account_roles),
    Endpoint(portal.GET_ROLE_CREDENTIALS, get_role_credentials),
    Endpoint(portal.GET_CONSOLE_URL, get_console_url),
    Endpoint(portal.LOGOUT, logout),
)
