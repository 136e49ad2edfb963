"""The settings that the rules obey, one frozen section each. The server's settings declaration includes them as they
stand.

`Help` is what documentation, `postern config show` and the generated `docs/settings.md` print; the default is the
field's own.
"""

from typing import Annotated, Literal

import msgspec

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Help(msgspec.Struct, frozen=True):
    """What a setting means, and in which unit."""

    text: str
    unit: str = ""
    secret: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings sections: a key that is not declared is an error."""


Positive = msgspec.Meta(ge=1)
NotNegative = msgspec.Meta(ge=0)


class InstancePolicy(Section, frozen=True, kw_only=True):
    name: Annotated[str, Help("Name shown on the pages.")] = "Postern"
    region: Annotated[
        str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$"), Help("AWS region that this server answers as.")
    ] = "us-east-1"
    start_url_aliases: Annotated[
        tuple[str, ...],
        Help("Further start URLs that clients may name, for example https://my-company.awsapps.com/start."),
    ] = ()
    sibling_regions: Annotated[
        tuple[str, ...],
        Help(
            "Servers of other regions, each as REGION=URL; a token that was made there is answered with "
            "InvalidRequestRegionException and that URL."
        ),
    ] = ()


class LifetimePolicy(Section, frozen=True, kw_only=True):
    access_token: Annotated[int, Positive, Help("Life of an access token.", "seconds")] = HOUR
    legacy_access_token: Annotated[
        int,
        Positive,
        Help("Life of an access token without refresh token, as clients without scopes get it.", "seconds"),
    ] = 8 * HOUR
    sign_in: Annotated[int, Positive, Help("Absolute life of a sign-in; refreshing does not extend it.", "seconds")] = (
        8 * HOUR
    )
    sign_in_idle: Annotated[int, Positive, Help("A sign-in that is not refreshed for so long ends.", "seconds")] = (
        7 * DAY
    )
    device_code: Annotated[
        int, msgspec.Meta(ge=1, le=HOUR), Help("Life of a device code and its user code.", "seconds")
    ] = 10 * MINUTE
    authorization_code: Annotated[
        int, msgspec.Meta(ge=1, le=10 * MINUTE), Help("Life of an authorization code.", "seconds")
    ] = MINUTE
    client_registration: Annotated[int, Positive, Help("Life of a client registration.", "seconds")] = 90 * DAY
    browser_session: Annotated[int, Positive, Help("Life of a browser's sign-in at the pages.", "seconds")] = 8 * HOUR
    replay_window: Annotated[
        int,
        msgspec.Meta(ge=0, le=MINUTE),
        Help(
            "A one-time secret presented again within it gets the identical answer; later it is taken for theft.",
            "seconds",
        ),
    ] = 10


class ClientPolicy(Section, frozen=True, kw_only=True):
    scopes: Annotated[
        tuple[str, ...],
        Help("Scopes that a client may register; a trailing :* admits every scope below."),
    ] = (
        "sso:*",
        "sso-portal:*",
        "codewhisperer:*",
        "codecatalyst:*",
        "openid",
        "aws",
        "sts:identity_context",
        "redshift:connect",
        "s3:access_grants",
        "q:*",
        "qapps:*",
    )
    device_grant: Annotated[
        bool, Help("Whether clients may use the device grant; false leaves them authorization code with PKCE.")
    ] = True


class IamPolicy(Section, frozen=True, kw_only=True):
    max_clock_skew: Annotated[
        int, msgspec.Meta(ge=1, le=15 * MINUTE), Help("How far the date of a signature may be from ours.", "seconds")
    ] = 5 * MINUTE
    max_session: Annotated[
        int,
        msgspec.Meta(ge=15 * MINUTE, le=36 * HOUR),
        Help("Longest life of temporary credentials that postern iam makes.", "seconds"),
    ] = 12 * HOUR


class RoleCredentialPolicy(Section, frozen=True, kw_only=True):
    timeout: Annotated[
        int, msgspec.Meta(ge=1, le=MINUTE), Help("Time for a call of an STS, its retries included.", "seconds")
    ] = 10
    retries: Annotated[
        int, msgspec.Meta(ge=0, le=5), Help("How often a call of an STS is tried again that found nobody there.")
    ] = 2
    max_waiting: Annotated[int, Positive, Help("Calls of one STS at a time; further ones are told to come again.")] = 64
    breaker_failures: Annotated[
        int, Positive, Help("After so many failures in a row an STS is left alone for breaker_pause.")
    ] = 5
    breaker_pause: Annotated[int, Positive, Help("How long an STS that failed is left alone.", "seconds")] = 10
    cache: Annotated[
        bool,
        Help("Whether role credentials of an STS are kept in memory, sealed, and given out for half their life."),
    ] = True


class IdTokenPolicy(Section, frozen=True, kw_only=True):
    algorithm: Annotated[
        Literal["ES256", "RS256"], Help("Signature of ID tokens: ES256, or RS256 where a consumer needs it.")
    ] = "ES256"


class TrustedIssuerPolicy(Section, frozen=True, kw_only=True):
    allowed_networks: Annotated[
        tuple[str, ...],
        Help(
            "Networks, for example 10.1.0.0/16, in which trusted token issuers may be, with http too; else only https "
            "to public addresses is allowed. A server whose own URL is on loopback also reaches issuers on loopback."
        ),
    ] = ()
    keys_lifetime: Annotated[
        int,
        msgspec.Meta(ge=30, le=DAY),
        Help("How long the keys of an issuer are kept; a key that it removed is good for no longer.", "seconds"),
    ] = 5 * MINUTE
    max_assertion_lifetime: Annotated[
        int, Positive, Help("Longest time between an assertion's iat (or now) and its exp.", "seconds")
    ] = DAY


class DevicePolicy(Section, frozen=True, kw_only=True):
    interval: Annotated[int, Positive, Help("Interval at which clients may poll.", "seconds")] = 1
    poll_burst: Annotated[int, Positive, Help("Polls that may come at once; the AWS CLI sends two.")] = 2


class LimitPolicy(Section, frozen=True, kw_only=True):
    register_per_minute: Annotated[
        int, NotNegative, Help("RegisterClient calls from one address per minute; 0 is without limit.")
    ] = 600
    device_start_per_minute: Annotated[
        int, NotNegative, Help("StartDeviceAuthorization calls from one address per minute; 0 is without limit.")
    ] = 600
    burst: Annotated[int, Positive, Help("Calls of either kind that one address may send at once.")] = 300
    portal_per_minute: Annotated[
        int,
        NotNegative,
        Help(
            "Calls of the access portal with the tokens of one sign-in per minute, and pages of it that one person may "
            "open; 0 is without limit."
        ),
    ] = 3000
    portal_burst: Annotated[int, Positive, Help("Calls of the access portal that one sign-in may send at once.")] = 1000
    user_code_tries: Annotated[int, Positive, Help("Wrong user codes that a person may enter before waiting.")] = 5
    user_code_tries_per_address: Annotated[int, Positive, Help("Wrong user codes from one address in ten minutes.")] = (
        30
    )
    user_code_alarm: Annotated[int, Positive, Help("Wrong user codes from everywhere that raise an alarm.")] = 100
    sign_in_failures_per_day: Annotated[
        int,
        Positive,
        Help(
            "Wrong passwords for one person in a day, from all sources together; ten times as many from those where "
            "the person signed in lately."
        ),
    ] = 100
    sign_in_per_minute: Annotated[
        int, NotNegative, Help("Sign-ins tried from one address per minute; 0 is without limit.")
    ] = 300
    sign_in_burst: Annotated[int, Positive, Help("Sign-ins that one address may try at once.")] = 100


class KeyPolicy(Section, frozen=True, kw_only=True):
    rotation_interval: Annotated[
        int, msgspec.Meta(ge=MINUTE), Help("Age at which the active key is replaced.", "seconds")
    ] = 90 * DAY
    publish_lead: Annotated[
        int, Positive, Help("Least time between the making of a key and its first use.", "seconds")
    ] = MINUTE


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the rules may be told. ``public_url`` is the server's origin, without a trailing slash."""

    public_url: str
    instance: InstancePolicy = InstancePolicy()
    lifetimes: LifetimePolicy = LifetimePolicy()
    clients: ClientPolicy = ClientPolicy()
    device: DevicePolicy = DevicePolicy()
    limits: LimitPolicy = LimitPolicy()
    keys: KeyPolicy = KeyPolicy()
    iam: IamPolicy = IamPolicy()
    id_tokens: IdTokenPolicy = IdTokenPolicy()
    trusted_issuers: TrustedIssuerPolicy = TrustedIssuerPolicy()
    role_credentials: RoleCredentialPolicy = RoleCredentialPolicy()
