"""``postern console``: a link that signs in to the console as a role. A server of one's own is asked for it; at AWS it
comes from the federation endpoint (IAM User Guide, "Enable custom identity broker access to the AWS console").
"""

import argparse
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from postern.cli.exit_codes import CommandFailed
from postern.cli.output import show, tell
from postern.cli.roles_meant import SignedIn, access_token, credentials_for, opened_portal, role_meant, signed_in
from postern.client.errors import ServiceError
from postern.client.http import HttpRequest

if TYPE_CHECKING:
    from postern.client.role_credentials.sealed_files import RoleKey
    from postern.client.sso_portal import SSOPortal

_SIGN_IN = {
    "aws": ("https://signin.aws.amazon.com/federation", "https://console.aws.amazon.com/"),
    "aws-cn": ("https://signin.amazonaws.cn/federation", "https://console.amazonaws.cn/"),
    "aws-us-gov": ("https://signin.amazonaws-us-gov.com/federation", "https://console.amazonaws-us-gov.com/"),
}
_OK, _NOT_FOUND = 200, 404
_ISSUER = "postern"


def console(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInRequired: nobody is signed in, or not any more.
        CommandFailed: the role's source offers no console.
    """
    whose = signed_in(options)
    key = role_meant(options, whose)
    with opened_portal(whose) as (oidc, portal):
        if _is_of_aws(portal, whose):
            url = _from_aws(options, whose, key, portal)
        else:
            url = _from_server(options, key, portal, access_token(whose, oidc))
    if options.open:
        import webbrowser

        if not webbrowser.open(url):
            tell("postern: no browser could be opened")
        return
    show(options, {"console_url": url}, url)


def _is_of_aws(portal: "SSOPortal", whose: SignedIn) -> bool:
    from postern.client import endpoints

    return portal.endpoint.hostname == endpoints.parse(endpoints.resolve("portal.sso", whose.session.region)).hostname


def _from_server(options: argparse.Namespace, key: "RoleKey", portal: "SSOPortal", token: str) -> str:
    from postern.api.errors import ResourceNotFoundException

    params = {"destination": options.destination} if options.destination else {}
    try:
        answer = portal.get_console_url(
            account_id=key.account_id,
            role_name=key.role_name,
            access_token=token,
            **params,
        )
    except ResourceNotFoundException:
        raise CommandFailed(f"account {key.account_id} has no console to sign in to") from None
    except ServiceError as error:
        if error.status == _NOT_FOUND:
            raise CommandFailed("the service gives no links to a console") from None
        raise
    if not answer.console_url:
        raise CommandFailed("the service's answer has no link")
    return answer.console_url


def _from_aws(options: argparse.Namespace, whose: SignedIn, key: "RoleKey", portal: "SSOPortal") -> str:
    from postern.client.partitions import partition_of

    partition = partition_of(whose.session.region).name
    if partition not in _SIGN_IN:
        raise CommandFailed(f"partition {partition} has no console that this version knows")
    endpoint, console_url = _SIGN_IN[partition]
    found = credentials_for(options, whose, key)
    session = {
        "sessionId": found.access_key_id,
        "sessionKey": found.secret_access_key,
        "sessionToken": found.session_token,
    }
    # In the body: an address would be remembered by whatever stands between.
    body = urlencode({"Action": "getSigninToken", "Session": json.dumps(session)}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = portal.transport.send(HttpRequest(method="POST", url=endpoint, headers=headers, body=body))
    if answer.status != _OK:
        raise CommandFailed(f"the sign-in endpoint of AWS answered {answer.status}")
    login = {
        "Action": "login",
        "Issuer": _ISSUER,
        "Destination": options.destination or console_url,
        "SigninToken": _sign_in_token(answer.body),
    }
    return f"{endpoint}?{urlencode(login)}"


def _sign_in_token(body: bytes) -> str:
    try:
        return str(json.loads(body)["SigninToken"])
    except (ValueError, KeyError, TypeError):
        raise CommandFailed("the answer of AWS's sign-in endpoint cannot be read") from None
