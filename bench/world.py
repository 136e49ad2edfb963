"""The applications that the load is sent for: what an administrator would set up, made through the rules themselves."""

import msgspec

from bench.issuer import AUDIENCE, EMAIL, Issuer
from postern.core.caller import Caller, Principal
from postern.core.directory import applications, trusted_token_issuers
from postern.core.directory.records import (
    AccessScope,
    Application,
    ApplicationGrants,
    AuthorizationCodeOptions,
    AuthorizedTokenIssuer,
    JwtBearerOptions,
    PrincipalType,
    RefreshTokenOptions,
    TokenExchangeOptions,
)
from postern.core.iam.access_keys import new_access_key
from postern.core.scopes import ACCOUNT_ACCESS
from postern.core.service import Service
from postern.core.sign_in import ActiveSession, find_session, sign_in
from postern.core.store import ConfigurationChange
from postern.core.users import add_user

REDIRECT_URI = "https://bench.example.com/callback"


class World(msgspec.Struct, frozen=True, kw_only=True):
    """``application`` has all four grants; tokens of ``source`` may be exchanged for its own. One access key signs for
    both, one person is assigned to both and signed in.
    """

    service: Service
    issuer: Issuer
    application: Application
    source: Application
    caller: Caller
    session: ActiveSession
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"World({self.application.application_arn})"


async def open_world(service: Service, issuer: Issuer) -> World:
    now, instance = service.now(), service.instance
    principal_arn = f"arn:aws:iam::{instance.owner_account_id}:user/bench"
    key, secret = new_access_key(service.master, principal_arn=principal_arn, now=now)
    trusted = trusted_token_issuers.new_trusted_token_issuer(
        instance,
        name="bench",
        issuer_url=issuer.url,
        claim_attribute_path="email",
        identity_store_attribute_path="emails.value",
        now=now,
    )
    authorized = AuthorizedTokenIssuer(
        trusted_token_issuer_arn=trusted.trusted_token_issuer_arn, authorized_audiences=(AUDIENCE,)
    )
    policy = applications.actor_policy_for([principal_arn])
    application = applications.new_application(
        instance,
        name="bench",
        now=now,
        grants=ApplicationGrants(
            authorization_code=AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,)),
            refresh_token=RefreshTokenOptions(),
            jwt_bearer=JwtBearerOptions(authorized_token_issuers=(authorized,)),
            token_exchange=TokenExchangeOptions(),
        ),
        actor_policy=policy,
    )
    source = applications.new_application(
        instance,
        name="bench-source",
        now=now,
        grants=ApplicationGrants(authorization_code=AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,))),
        access_scopes=(AccessScope(scope=ACCOUNT_ACCESS, authorized_targets=(application.application_arn,)),),
        actor_policy=policy,
    )
    person = await add_user(
        service.store,
        service.passwords,
        user_name="bench",
        password="bench-password",
        email=EMAIL,
        instance=service.instance,
        now=now,
    )
    assignments = [applications.assignment(each, PrincipalType.USER, person.user_id) for each in (application, source)]
    await service.store.change_configuration(
        ConfigurationChange(create=(key, trusted, application, source, *assignments))
    )
    principal = Principal(arn=principal_arn, access_key_id=key.access_key_id)
    caller = Caller(address="127.0.0.1", user_agent="bench", principal=principal)
    cookie = await sign_in(service, user_name="bench", password="bench-password", caller=caller, replaces=None)
    session = await find_session(service, cookie)
    assert session is not None
    return World(
        service=service,
        issuer=issuer,
        application=application,
        source=source,
        caller=caller,
        session=session,
        access_key_id=key.access_key_id,
        secret_access_key=secret,
    )
