"""Credential sources: what one may be. Limits are those of STS (AssumeRole, AssumeRoleWithWebIdentity) where it has
some.
"""

import re

from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import (
    AssumeRoleSource,
    ConsoleOptions,
    CredentialSource,
    LocalSource,
    WebIdentitySource,
)
from postern.core.role_credentials.endpoints import is_endpoint, is_loopback, read_address
from postern.core.role_credentials.templates import UnknownPlaceholder, literal_text, require_known
from postern.core.role_credentials.token_profiles import PROFILES
from postern.core.store import NotFound, Store

LOCAL_NAME = "local"
MAX_DESCRIPTION = 256
MAX_TEMPLATE = 256
MAX_ROLE_ARN = 2048
MAX_SESSION_TAGS = 50
MAX_TAG_KEY = 128
MAX_POLICIES = 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_AUDIENCE = re.compile(r"[!-~]{1,255}")
_ACCESS_KEY_ID = re.compile(r"[A-Za-z0-9_.@=+-]{3,128}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}")
_ROLE_ARN = re.compile(r"arn:[A-Za-z0-9_+=,.@:/-]+")
_IDENTITY = re.compile(r"[A-Za-z0-9_+=,.@-]*")
_TAG_TEXT = re.compile(r"[\w .:/=+@-]*")
_POLICY = re.compile(r"[A-Za-z0-9_+=.@:/-]*")


def new_credential_source(
    *,
    name: str,
    options: LocalSource | WebIdentitySource | AssumeRoleSource,
    description: str = "",
    now: int,
) -> CredentialSource:
    """A source of that name, for all instances.

    Raises:
        InvalidDirectoryRecord: see `require_valid`.
    """
    return require_valid(CredentialSource(name=name, description=description, options=options, created_at=now))


def require_valid(source: CredentialSource) -> CredentialSource:
    """The source, if it can be kept.

    Raises:
        InvalidDirectoryRecord: something of it is not what it has to be; the text says what.
    """
    _require(_NAME.fullmatch(source.name) is not None, "a name has 1 to 64 letters, digits and any of _.-")
    _require(
        len(source.description) <= MAX_DESCRIPTION and source.description.isprintable(),
        f"a credential source's description has up to {MAX_DESCRIPTION} printable characters",
    )
    options = source.options
    if isinstance(options, LocalSource):
        _require_console(options.console, allow_http=False)
        return source
    _require(source.name != LOCAL_NAME, f"the name {LOCAL_NAME} is that of the source that needs no other")
    if isinstance(options, WebIdentitySource):
        _require_web_identity(options)
    else:
        _require_assume_role(options)
    _require_session(options)
    _require_console(options.console, allow_http=options.allow_http)
    return source


def _require_web_identity(options: WebIdentitySource) -> None:
    _require(_AUDIENCE.fullmatch(options.audience) is not None, "an audience has 1 to 255 characters without spaces")
    _require(":application/" not in options.audience, "an audience is no application: what is for one is an ID token")
    _require(not options.region or _REGION.fullmatch(options.region) is not None, "the region is not one")
    profile = PROFILES.get(options.token_profile)
    _require(profile is not None, f"the token profiles are {', '.join(PROFILES)}")
    assert profile is not None
    _require(
        not options.algorithm or options.algorithm in profile.algorithms,
        f"the algorithms of the token profile {options.token_profile} are {', '.join(profile.algorithms)}",
    )
    _require(len(options.policies) <= MAX_POLICIES, f"a credential source has up to {MAX_POLICIES} policies")
    _require(len(set(options.policies)) == len(options.policies), "a policy is there twice")
    for policy in options.policies:
        _require_template("a policy", policy, _POLICY)
        _require(bool(policy), "a policy has a name")


def _require_assume_role(options: AssumeRoleSource) -> None:
    _require(_REGION.fullmatch(options.region) is not None, "the region is not one")
    _require(
        _ACCESS_KEY_ID.fullmatch(options.access_key_id) is not None,
        "an access key id has 3 to 128 letters, digits and any of _.@=+-",
    )
    _require(bool(options.sealed_secret), "the secret access key is missing")
    _require(bool(options.role_arn), "AssumeRole needs a role's ARN")
    _require(
        not options.external_id or _EXTERNAL_ID.fullmatch(options.external_id) is not None,
        "an external id has 2 to 1224 letters, digits and any of _+=,.@:/-",
    )


def _require_session(options: WebIdentitySource | AssumeRoleSource) -> None:
    """What both kinds say of the session."""
    _require(
        is_endpoint(options.endpoint, allow_http=options.allow_http),
        "the endpoint is not an https URL without user, query and fragment (http: on loopback, or with allow_http)",
    )
    if options.role_arn:
        _require_template("a role's ARN", options.role_arn, _ROLE_ARN, MAX_ROLE_ARN)
    _require_template("a source identity", options.source_identity, _IDENTITY)
    tags = options.session_tags
    _require(len(tags) <= MAX_SESSION_TAGS, f"there are up to {MAX_SESSION_TAGS} session tags")
    _require(len({key.casefold() for key in tags}) == len(tags), "keys of session tags differ in more than case")
    for key, template in tags.items():
        is_key = 1 <= len(key) <= MAX_TAG_KEY and _TAG_TEXT.fullmatch(key) and not key.lower().startswith("aws:")
        _require(
            bool(is_key), f"a session tag's key has 1 to {MAX_TAG_KEY} letters, digits, spaces and any of _.:/=+@-"
        )
        _require_template("a session tag's value", template, _TAG_TEXT)
    transitive = options.transitive_tag_keys
    _require(len(set(transitive)) == len(transitive), "a transitive tag key is there twice")
    _require(set(transitive) <= tags.keys(), "a transitive tag key is not the key of a session tag")


def _require_template(what: str, template: str, allowed: re.Pattern[str], longest: int = MAX_TEMPLATE) -> None:
    _require(len(template) <= longest, f"{what} has up to {longest} characters")
    try:
        require_known(template)
    except UnknownPlaceholder as error:
        raise InvalidDirectoryRecord(f"{what}: {error}") from None
    _require(allowed.fullmatch(literal_text(template)) is not None, f"{what} has characters that it cannot have")


def _require_console(console: ConsoleOptions | None, *, allow_http: bool) -> None:
    if console is None:
        return
    _require(
        not console.federation_endpoint or is_endpoint(console.federation_endpoint, allow_http=allow_http),
        "the console's federation endpoint is not an https URL without user, query and fragment",
    )
    _require(
        bool(console.destination or console.federation_endpoint), "a console has a federation endpoint or a destination"
    )
    _require(
        not console.destination or _is_destination(console.destination),
        "the console's destination is not an https URL (http: on loopback)",
    )


def _is_destination(url: str) -> bool:
    parts = read_address(url)
    return parts is not None and (parts.scheme == "https" or is_loopback(parts.hostname or ""))


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise InvalidDirectoryRecord(otherwise)


async def find_by_name(store: Store, name: str) -> CredentialSource:
    """
    Raises:
        NotFound: there is no such source.
    """
    for source in await store.list_configuration(CredentialSource):
        if source.name == name:
            return source
    raise NotFound(f"there is no credential source {name!r}")
