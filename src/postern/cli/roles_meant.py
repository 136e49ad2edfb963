"""What the commands share that go on from a sign-in to accounts and roles: which role is meant, and how the portal is
asked.

`postern credentials` comes through here on its way to a warm cache, so nothing that is costly to import is imported.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from postern.cli.exit_codes import CommandFailed, UsageError
from postern.cli.sign_ins import chosen_session, client_options, login_command, opened_cache
from postern.client.errors import SignInRequired
from postern.client.role_credentials.demand import RoleDemand
from postern.client.role_credentials.sealed_files import RoleCredentials, RoleKey, open_role_credential_files
from postern.client.sessions import Session
from postern.client.shared_config import SharedConfig
from postern.client.token_cache import CachedToken, TokenCache

if TYPE_CHECKING:
    import argparse

    from postern.client.sso_oidc import SSOOIDC
    from postern.client.sso_portal import SSOPortal


class SignedIn(NamedTuple):
    """A sign-in that has a token, good or not."""

    # PERF: types by name are compiled, and the first call of `compile` in a process takes 2 ms.
    session: Session
    token: CachedToken
    shared: SharedConfig
    cache: TokenCache

    @property
    def settings(self) -> dict[str, str]:
        """Those of its profile."""
        name = self.session.profile
        return dict(self.shared.profile(name)) if name in self.shared.profile_names else {}


def signed_in(options: "argparse.Namespace") -> SignedIn:
    """
    Raises:
        SignInRequired: nobody is.
        ConfigurationError: the command line means no sign-in, or several.
    """
    shared, cache = SharedConfig.load(os.environ), opened_cache(options)
    session = chosen_session(options, shared, cache)
    token = cache.load(session.key)
    if token is None:
        raise SignInRequired(f"nobody is signed in: run {login_command(session, shared, cache)}")
    return SignedIn(session, token, shared, cache)


def role_meant(options: "argparse.Namespace", whose: SignedIn) -> RoleKey:
    """
    Raises:
        UsageError: account or role is neither given nor in the profile.
    """
    settings = whose.settings
    account_id = options.account_id or settings.get("sso_account_id")
    role_name = options.role_name or settings.get("sso_role_name")
    if not account_id or not role_name:
        raise UsageError("say which role: --account-id and --role-name, or a profile that has them (postern roles)")
    return RoleKey(whose.session.key, account_id, role_name)


def credentials_for(options: "argparse.Namespace", whose: SignedIn, key: RoleKey) -> RoleCredentials:
    """
    Raises:
        CommandFailed: there are none that are good for so long.
        SignInRequired, CredentialsError: see `usable_role_credentials`.
    """
    found = _credentials(options, whose, key)
    if found.expires_at - time.time() <= options.min_ttl:
        raise CommandFailed(f"role credentials of this service have no {options.min_ttl:.0f} s left")
    return found


def _credentials(options: "argparse.Namespace", whose: SignedIn, key: RoleKey) -> RoleCredentials:
    kept = open_role_credential_files(os.environ)
    found = kept.load(key, whose.token.access_token)
    if found is not None and RoleDemand(time.time, options.min_ttl).is_met_by(found):
        return found
    from postern.client.role_credentials.usable import usable_role_credentials

    with opened_portal(whose) as (oidc, portal):
        flow = usable_role_credentials(key, whose.cache, kept, oidc, portal, now=time.time, min_ttl=options.min_ttl)
        return oidc.drive(flow)


@contextmanager
def opened_portal(whose: SignedIn) -> "Iterator[tuple[SSOOIDC, SSOPortal]]":
    """The clients of both services, at the addresses that the sign-in is from.

    Raises:
        ConfigurationError: a setting cannot be used, or nothing says where the sign-in is from.
    """
    from postern.cli.remarks import remarks_shown
    from postern.cli.whereabouts import located
    from postern.client.sso_oidc import SSOOIDC
    from postern.client.sso_portal import SSOPortal

    session, token, shared, _ = whose
    at_oidc = client_options(located(session, token, shared, "sso_oidc"))
    at_portal = client_options(located(session, token, shared, "sso"))
    with remarks_shown(), SSOOIDC(**at_oidc) as oidc, SSOPortal(**at_portal) as portal:
        yield oidc, portal


def access_token(whose: SignedIn, oidc: "SSOOIDC") -> str:
    """A good one, refreshed if that is due.

    Raises:
        SignInRequired: there is none any more.
    """
    from postern.client.token_refresh import usable_token

    token = oidc.drive(usable_token(whose.session.key, whose.cache, oidc, now=time.time))
    return token.access_token
