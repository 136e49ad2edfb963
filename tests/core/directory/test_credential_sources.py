"""Credential sources: which can be kept, and what is said of those that cannot."""

from typing import Any

import msgspec
import pytest

from postern.core.directory.credential_sources import find_by_name, new_credential_source, require_valid
from postern.core.directory.errors import InvalidDirectoryRecord
from postern.core.directory.records import ConsoleOptions, CredentialSource
from postern.core.role_credentials.token_profiles import PROFILES
from postern.core.store import NotFound
from postern.testing import samples
from tests.core.portal_world import create
from tests.core.role_credentials.sts_world import assume_role, local, web_identity
from tests.core.world import World

OPTIONS = {"local": local(), "web-identity": web_identity(), "assume-role": assume_role()}
ARN = "arn:aws:iam::111122223333:role/"
CONSOLE = "https://console.example.org/"
FEDERATION = "https://signin.example.org/federation"


def source(options: Any = OPTIONS["web-identity"], **changes: Any) -> CredentialSource:
    return require_valid(samples.credential_source(options=options, **changes))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_plain_source_of_each_kind_can_be_kept(options: Any) -> None:
    made = new_credential_source(name="lab", options=options, description="of the lab", now=7)
    assert made == CredentialSource(name="lab", description="of the lab", options=options, created_at=7)


FULL_SESSION: dict[str, Any] = {
    "role_arn": "arn:minio:iam:::role/{role_name}-{account_id}",
    "session_tags": {"Größe": "{display_name}", "aws-team": "{groups}", "x": "", "k" * 128: "v" * 256},
    "transitive_tag_keys": ("x", "aws-team"),
    "source_identity": "{user_name}",
    "console": ConsoleOptions(federation_endpoint=FEDERATION, destination=CONSOLE),
}


@pytest.mark.parametrize(
    "options",
    [
        web_identity(**FULL_SESSION, region="eu-central-1", policies=("readwrite", "team-{role_name}", "{groups}")),
        web_identity(role_arn="", token_profile="minio"),
        web_identity(audience="a" * 255),
        web_identity(endpoint="http://127.0.0.1:9000"),
        web_identity(endpoint="http://minio:9000", allow_http=True),
        web_identity(session_tags={f"key {number}": "x" for number in range(50)}),
        web_identity(policies=tuple(f"policy-{number}" for number in range(20))),
        assume_role(**FULL_SESSION, external_id="an:external/id=1"),
        assume_role(access_key_id="minioadmin", region="default"),
        local(ConsoleOptions(destination=CONSOLE)),
        local(ConsoleOptions(destination="http://localhost:9001/")),
        local(ConsoleOptions(federation_endpoint=FEDERATION)),
    ],
)
def test_a_source_that_says_more_can_be_kept(options: Any) -> None:
    assert source(options).options == options


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_can_be_kept_with_each_of_its_algorithms(profile: str) -> None:
    for algorithm in ("", *PROFILES[profile].algorithms):
        source(web_identity(token_profile=profile, algorithm=algorithm))


@pytest.mark.parametrize("name", ["", "a b", "-a", ".a", "a/b", "é", "a" * 65, "a\n", "{user_name}"])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(InvalidDirectoryRecord, match="a name has 1 to 64"):
        source(name=name)


@pytest.mark.parametrize("description", ["x" * 257, "two\nlines", "\x1b[31m"])
def test_a_description_is_a_printable_line(description: str) -> None:
    with pytest.raises(InvalidDirectoryRecord, match="description"):
        source(description=description)


@pytest.mark.parametrize("kind", ["web-identity", "assume-role"])
def test_the_name_local_is_that_of_the_local_one(kind: str) -> None:
    with pytest.raises(InvalidDirectoryRecord, match="the name local"):
        source(OPTIONS[kind], name="local")
    assert source(OPTIONS["local"], name="local").name == "local"


BOTH: list[tuple[dict[str, Any], str]] = [
    ({"endpoint": ""}, "the endpoint is not"),
    ({"endpoint": "http://sts.example.org"}, "the endpoint is not"),
    ({"endpoint": "https://a:b@sts.example.org"}, "the endpoint is not"),
    ({"endpoint": "https://sts.example.org/?x"}, "the endpoint is not"),
    ({"role_arn": "role/{role_name}"}, "a role's ARN has characters"),
    ({"role_arn": f"{ARN}a b"}, "a role's ARN has characters"),
    ({"role_arn": f"{ARN}é"}, "a role's ARN has characters"),
    ({"role_arn": f"{ARN}{'x' * 2048}"}, "a role's ARN has up to 2048"),
    ({"role_arn": f"{ARN}{{name}}"}, "a role's ARN: {name} is not a placeholder"),
    ({"role_arn": f"{ARN}{{role_name"}, "a role's ARN: a brace stands alone"),
    ({"source_identity": "a b"}, "a source identity has characters"),
    ({"source_identity": "x" * 257}, "a source identity has up to 256"),
    ({"source_identity": "{user}"}, "a source identity: {user} is not a placeholder"),
    ({"session_tags": {str(number): "" for number in range(51)}}, "up to 50 session tags"),
    ({"session_tags": {"Team": "a", "team": "b"}}, "differ in more than case"),
    ({"session_tags": {"": "a"}}, "a session tag's key"),
    ({"session_tags": {"k" * 129: "a"}}, "a session tag's key"),
    ({"session_tags": {"a&b": "a"}}, "a session tag's key"),
    ({"session_tags": {"AWS:x": "a"}}, "a session tag's key"),
    ({"session_tags": {"a": "<b>"}}, "a session tag's value has characters"),
    ({"session_tags": {"a": "x" * 257}}, "a session tag's value has up to 256"),
    ({"session_tags": {"a": "{password}"}}, "a session tag's value: {password} is not a placeholder"),
    ({"session_tags": {"a": ""}, "transitive_tag_keys": ("b",)}, "a transitive tag key is not"),
    ({"session_tags": {"a": ""}, "transitive_tag_keys": ("a", "a")}, "a transitive tag key is there twice"),
    ({"console": ConsoleOptions()}, "a console has a federation endpoint or a destination"),
    ({"console": ConsoleOptions(federation_endpoint="http://signin.example.org")}, "federation endpoint is not"),
    ({"console": ConsoleOptions(federation_endpoint=f"{FEDERATION}?x=y")}, "federation endpoint is not"),
    ({"console": ConsoleOptions(destination="http://console.example.org")}, "destination is not"),
    ({"console": ConsoleOptions(destination="javascript:alert(1)")}, "destination is not"),
    ({"console": ConsoleOptions(destination="https://a@console.example.org")}, "destination is not"),
    ({"console": ConsoleOptions(destination=f"{CONSOLE}{'x' * 2048}")}, "destination is not"),
]


@pytest.mark.parametrize("kind", [web_identity, assume_role])
@pytest.mark.parametrize("changes, complaint", BOTH)
def test_what_an_sts_would_not_take_is_refused_for_both_kinds(kind: Any, changes: Any, complaint: str) -> None:
    with pytest.raises(InvalidDirectoryRecord) as caught:
        source(kind(**changes))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "options, complaint",
    [
        (web_identity(audience=""), "an audience has"),
        (web_identity(audience="a b"), "an audience has"),
        (web_identity(audience="a" * 256), "an audience has"),
        (web_identity(region="eu central"), "the region is not one"),
        (web_identity(token_profile="gcp"), "the token profiles are aws, "),
        (web_identity(algorithm="HS256"), "the algorithms of the token profile aws are ES256, RS256"),
        (web_identity(algorithm="none"), "the algorithms of the token profile aws are"),
        (web_identity(token_profile="ceph", algorithm="ES256"), "the algorithms of the token profile ceph are RS256"),
        (web_identity(policies=("a,b",)), "a policy has characters"),
        (web_identity(policies=("",)), "a policy has a name"),
        (web_identity(policies=("a", "a")), "a policy is there twice"),
        (web_identity(policies=("{team}",)), "a policy: {team} is not a placeholder"),
        (web_identity(policies=tuple(map(str, range(21)))), "up to 20 policies"),
        (assume_role(region=""), "the region is not one"),
        (assume_role(access_key_id="a/b/c"), "an access key id has"),
        (assume_role(access_key_id=""), "an access key id has"),
        (assume_role(sealed_secret=b""), "the secret access key is missing"),
        (assume_role(role_arn=""), "AssumeRole needs a role's ARN"),
        (assume_role(external_id="x"), "an external id has"),
        (assume_role(external_id="a b"), "an external id has"),
        (assume_role(external_id="x" * 1225), "an external id has"),
        (local(ConsoleOptions()), "a console has a federation endpoint or a destination"),
        (local(ConsoleOptions(federation_endpoint="http://signin.example.org")), "federation endpoint is not"),
        (local(ConsoleOptions(destination="//console.example.org")), "destination is not"),
    ],
)
def test_what_an_sts_would_not_take_is_refused(options: Any, complaint: str) -> None:
    with pytest.raises(InvalidDirectoryRecord) as caught:
        source(options)
    assert complaint in str(caught.value)


def test_no_complaint_repeats_the_secret() -> None:
    options = msgspec.structs.replace(assume_role(), sealed_secret=b"canary", access_key_id="a/b")
    with pytest.raises(InvalidDirectoryRecord) as caught:
        source(options)
    assert "canary" not in f"{caught.value} {caught.value!r}"


async def test_a_source_is_found_by_its_name(world: World) -> None:
    kept = samples.credential_source("lab")
    await create(world, kept)
    assert await find_by_name(world.store, "lab") == kept
    with pytest.raises(NotFound, match="there is no credential source 'prod'"):
        await find_by_name(world.store, "prod")
