"""The keyword arguments of the operations, written once for the blocking and the asyncio client.

No key is required by its type: the option ``params`` may bind any of them to every call. What a call still lacks is
said by validation.
"""

from collections.abc import Sequence
from typing import TypedDict


class RegisterClientParams(TypedDict, total=False):
    client_name: str
    client_type: str
    scopes: Sequence[str]
    redirect_uris: Sequence[str]
    grant_types: Sequence[str]
    issuer_url: str
    entitled_application_arn: str


class StartDeviceAuthorizationParams(TypedDict, total=False):
    client_id: str
    client_secret: str
    start_url: str


class CreateTokenParams(TypedDict, total=False):
    client_id: str
    client_secret: str
    grant_type: str
    device_code: str
    code: str
    refresh_token: str
    scope: Sequence[str]
    redirect_uri: str
    code_verifier: str


class CreateTokenWithIamParams(TypedDict, total=False):
    client_id: str
    grant_type: str
    code: str
    refresh_token: str
    assertion: str
    scope: Sequence[str]
    redirect_uri: str
    subject_token: str
    subject_token_type: str
    requested_token_type: str
    code_verifier: str


class ListAccountsParams(TypedDict, total=False):
    next_token: str
    max_results: int
    access_token: str


class ListAccountRolesParams(TypedDict, total=False):
    next_token: str
    max_results: int
    access_token: str
    account_id: str


class GetRoleCredentialsParams(TypedDict, total=False):
    role_name: str
    account_id: str
    access_token: str


class GetConsoleUrlParams(TypedDict, total=False):
    role_name: str
    account_id: str
    destination: str
    access_token: str


class LogoutParams(TypedDict, total=False):
    access_token: str
