"""An application that mira may use, and what administrators may do to it so that it gets no tokens for her any more."""

from dataclasses import dataclass

import msgspec
import pytest

from postern.api.errors import (
    AccessDeniedException,
    InvalidClientException,
    InvalidGrantException,
    ModelledError,
    UnauthorizedClientException,
)
from postern.core.directory.records import Application, AuthorizedTokenIssuer, JwtBearerOptions, Status
from postern.core.records import Record, TokenFamily, User
from postern.core.store import ConfigurationChange, Store
from postern.testing import samples
from postern.testing.conformance.suite import Suite, add_person, configure

MIRA = samples.user("mira")
GROUP = samples.group()
MEMBERSHIP = samples.membership(GROUP, MIRA)
ISSUER = samples.trusted_token_issuer()
APPLICATION = samples.application(1)
ASSIGNMENT = samples.assignment(APPLICATION, GROUP)
# Tokens of this one, which everybody may use, are exchanged by the other.
SOURCE = samples.application(2, assignment_required=False)


class ApplicationSuite(Suite):
    @pytest.fixture
    async def member(self, store: Store) -> User:
        """An enabled person in a group that is assigned to `APPLICATION`."""
        await configure(store, GROUP, MEMBERSHIP, ISSUER, APPLICATION, ASSIGNMENT, SOURCE)
        return await add_person(store, "mira")


@dataclass(frozen=True)
class Impediment:
    """A change of the configuration, the refusal that it leads to, and the change that takes it back."""

    error: type[ModelledError]
    prevent: ConfigurationChange
    allow: ConfigurationChange


Impediments = dict[str, Impediment]


def changed(error: type[ModelledError], record: Record, **changes: object) -> Impediment:
    new = msgspec.structs.replace(record, **changes)
    return Impediment(
        error, ConfigurationChange(replace=((record, new),)), ConfigurationChange(replace=((new, record),))
    )


def removed(error: type[ModelledError], record: Record, *dependants: Record) -> Impediment:
    return Impediment(error, ConfigurationChange(remove=(record,)), ConfigurationChange(create=(record, *dependants)))


def with_grant(application: Application, **grants: object) -> Application:
    return msgspec.structs.replace(application, grants=msgspec.structs.replace(application.grants, **grants))


def without_grant(name: str) -> Impediments:
    grants = with_grant(APPLICATION, **{name: None}).grants
    return {"grant lost": changed(UnauthorizedClientException, APPLICATION, grants=grants)}


def _trusting(*issuer_arns: str) -> JwtBearerOptions:
    return JwtBearerOptions(
        authorized_token_issuers=tuple(
            AuthorizedTokenIssuer(trusted_token_issuer_arn=arn, authorized_audiences=("an audience",))
            for arn in issuer_arns
        )
    )


ALWAYS: Impediments = {
    "application disabled": changed(InvalidClientException, APPLICATION, status=Status.DISABLED),
    "application gone": removed(InvalidClientException, APPLICATION, ASSIGNMENT),
    "unassigned": removed(AccessDeniedException, ASSIGNMENT),
    "left the group": removed(AccessDeniedException, MEMBERSHIP),
    "group gone": removed(AccessDeniedException, GROUP, MEMBERSHIP, ASSIGNMENT),
}
OF_CODES = ALWAYS | without_grant("authorization_code")
OF_ROTATIONS = ALWAYS | without_grant("refresh_token")
OF_ASSERTIONS = (
    ALWAYS
    | without_grant("jwt_bearer")
    | {
        "issuer disabled": changed(InvalidGrantException, ISSUER, status=Status.DISABLED),
        "issuer gone": removed(InvalidGrantException, ISSUER),
        "another trusted": changed(
            InvalidGrantException,
            APPLICATION,
            grants=with_grant(APPLICATION, jwt_bearer=_trusting(samples.ISSUER_ARN + "2")).grants,
        ),
        "nobody trusted": changed(
            InvalidGrantException, APPLICATION, grants=with_grant(APPLICATION, jwt_bearer=_trusting()).grants
        ),
    }
)
OF_EXCHANGES = (
    ALWAYS
    | without_grant("token_exchange")
    | {
        "source disabled": changed(InvalidGrantException, SOURCE, status=Status.DISABLED),
        "source gone": removed(InvalidGrantException, SOURCE),
        "no target any more": changed(InvalidGrantException, SOURCE, access_scopes=()),
    }
)


def each_of(impediments: Impediments) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("impediment", impediments.values(), ids=impediments.keys())


async def subject_of(store: Store, member: User, **changes: object) -> TokenFamily:
    """A sign-in at `SOURCE`."""
    return await store.accept_assertion(samples.acceptance(SOURCE, member, **changes))
