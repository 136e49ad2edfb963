"""``postern accounts`` and ``postern roles``: where the person has a role, and which."""

import argparse
from collections.abc import Iterator
from typing import TypeVar

from postern.api.errors import UnauthorizedException
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, show
from postern.cli.roles_meant import SignedIn, access_token, opened_portal, signed_in
from postern.cli.sign_ins import login_command
from postern.client.errors import SignInRequired
from postern.client.sso_portal import SSOPortal


def accounts(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInRequired: nobody is signed in, or not any more.
    """
    whose = signed_in(options)
    with opened_portal(whose) as (oidc, portal):
        token = access_token(whose, oidc)
        found = list(_of_portal(whose, portal.list_all_accounts(access_token=token)))
    rows = [(each.account_id or "", each.account_name or "", each.email_address or "") for each in found]
    shown = [
        {"account_id": account_id, "account_name": name, "email_address": address} for account_id, name, address in rows
    ]
    show(options, shown, columns(rows, ("ACCOUNT ID", "NAME", "E-MAIL")) if rows else _NOTHING)


def roles(options: argparse.Namespace) -> None:
    """
    Raises:
        SignInRequired: nobody is signed in, or not any more.
        CommandFailed: the person has no role in the account.
    """
    whose = signed_in(options)
    with opened_portal(whose) as (oidc, portal):
        token = access_token(whose, oidc)
        rows = list(_of_portal(whose, _roles(portal, token, options.account_id)))
    if options.account_id and not rows:
        raise CommandFailed(f"no role in account {options.account_id} is assigned to who is signed in")
    shown = [{"account_id": account_id, "account_name": name, "role_name": role} for account_id, name, role in rows]
    show(options, shown, columns(rows, ("ACCOUNT ID", "NAME", "ROLE")) if rows else _NOTHING)


T = TypeVar("T")
_NOTHING = "no account is assigned to who is signed in"


def _roles(portal: SSOPortal, token: str, account_id: str | None) -> Iterator[tuple[str, str, str]]:
    """Account, its name, role; of one account or of all."""
    for account in portal.list_all_accounts(access_token=token):
        if account.account_id is None or account_id not in (None, account.account_id):
            continue
        for role in portal.list_all_account_roles(access_token=token, account_id=account.account_id):
            yield account.account_id, account.account_name or "", role.role_name or ""
        if account_id is not None:
            return


def _of_portal(whose: SignedIn, answers: Iterator[T]) -> Iterator[T]:
    try:
        yield from answers
    except UnauthorizedException:
        command = login_command(whose.session, whose.shared, whose.cache)
        raise SignInRequired(f"the portal does not accept the sign-in any more: run {command}") from None
