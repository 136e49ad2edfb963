"""The demo's application: what signs with IAM credentials, with all four grants; the demo person is assigned to it."""

import msgspec

from postern.cli.output import now
from postern.core.directory import applications
from postern.core.directory.records import (
    AccessKey,
    AccessKeyStatus,
    Application,
    ApplicationGrants,
    AuthorizationCodeOptions,
    JwtBearerOptions,
    PrincipalType,
    RefreshTokenOptions,
    TokenExchangeOptions,
)
from postern.core.iam.access_keys import new_access_key, secret_of
from postern.core.keys import MasterKey
from postern.core.records import Instance, User
from postern.core.scopes import ACCOUNT_ACCESS
from postern.core.store import ConfigurationChange, Store
from postern.server.master_key import master_key_of
from postern.server.settings import Settings

NAME = "demo-application"
REDIRECT_URI = "http://127.0.0.1:8400/oauth/callback"
_GRANTS = ApplicationGrants(
    authorization_code=AuthorizationCodeOptions(redirect_uris=(REDIRECT_URI,)),
    refresh_token=RefreshTokenOptions(),
    jwt_bearer=JwtBearerOptions(authorized_token_issuers=()),
    token_exchange=TokenExchangeOptions(accepted_scopes=(ACCOUNT_ACCESS,)),
)


class DemoApplication(msgspec.Struct, frozen=True, kw_only=True):
    """What a program needs to be the application; the contents of ``demo/application.json``."""

    application_arn: str
    access_key_id: str
    secret_access_key: str
    redirect_uri: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"DemoApplication({self.application_arn}, {self.access_key_id})"


async def prepare(settings: Settings, store: Store, instance: Instance, person: User) -> DemoApplication:
    """The application with its key, made if they are not there. The person is assigned to an application that is new:
    whom an operator has taken out since stays out.
    """
    master = await master_key_of(settings, store)
    application = await _known_application(store) or await _new_application(store, instance, person)
    key = await _access_key(store, instance, master)
    return DemoApplication(
        application_arn=application.application_arn,
        access_key_id=key.access_key_id,
        secret_access_key=secret_of(master, key),
        redirect_uri=REDIRECT_URI,
        scopes=applications.scopes_of(application),
    )


async def _known_application(store: Store) -> Application | None:
    known = await store.list_configuration(Application)
    return next((application for application in known if application.name == NAME), None)


async def _new_application(store: Store, instance: Instance, person: User) -> Application:
    application = applications.new_application(
        instance,
        name=NAME,
        description="Made by postern demo",
        grants=_GRANTS,
        actor_policy=applications.actor_policy_for([_principal_arn(instance)]),
        now=now(),
    )
    assignment = applications.assignment(application, PrincipalType.USER, person.user_id)
    await store.change_configuration(ConfigurationChange(create=(application, assignment)))
    return application


async def _access_key(store: Store, instance: Instance, master: MasterKey) -> AccessKey:
    principal_arn = _principal_arn(instance)
    for key in await store.list_configuration(AccessKey):
        if key.principal_arn == principal_arn and key.status is AccessKeyStatus.ACTIVE:
            return key
    key, _ = new_access_key(master, principal_arn=principal_arn, description="Made by postern demo", now=now())
    await store.change_configuration(ConfigurationChange(create=(key,)))
    return key


def _principal_arn(instance: Instance) -> str:
    return f"arn:aws:iam::{instance.owner_account_id}:user/{NAME}"
