"""A directory that is exported and applied again is the same: here nothing differs, and elsewhere it is made anew."""

import tomllib

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postern.core.directory import toml_text
from postern.core.directory.declaration import InvalidDeclaration, read
from postern.core.directory.export import Tables, exported
from postern.core.directory.planning import Plan, plan, read_known
from postern.core.keys import MasterKey
from postern.core.records import Instance
from postern.core.store import ConfigurationChange, Store
from postern.core.users import canonical_name
from postern.stores.memory import MemoryStore

NOW = 1_790_000_000
MASTER = MasterKey(bytes(32))
INSTANCE = Instance(
    instance_id="ssoins-0123456789abcdef",
    identity_store_id="d-0123456789",
    owner_account_id="111122223333",
    created_at=NOW,
)
WHOLE = """
[[instance]]
name = "primary"
start_url_aliases = ["https://our.example/start"]

[[instance]]
name = "lab"

[[user]]
user_name = "mira"
display_name = "Mira \\"the\\" Example \u00e9"
given_name = "Mira"
family_name = "Example"
email = "mira@example.org"
external_ids = [{issuer = "corp", id = "M-1"}, {issuer = "corp", id = "M-2"}]

[[user]]
user_name = "noor"
status = "DISABLED"

[[user]]
instance = "lab"
user_name = "mira"

[[group]]
name = "analysts"
description = "who may read"
members = ["mira", "noor"]

[[group]]
instance = "lab"
name = "analysts"
members = ["mira"]

[[credential_source]]
name = "aws"
type = "web-identity"
endpoint = "https://sts.us-east-1.amazonaws.com"
audience = "sts.amazonaws.com"
session_tags = {user = "{user_name}", "a.b" = "{groups}"}
transitive_tag_keys = ["user"]
console = {federation_endpoint = "https://signin.aws.amazon.com/federation"}

[[credential_source]]
name = "role"
type = "assume-role"
endpoint = "https://sts.example.org"
region = "us-east-1"
access_key_id = "AKIAIOSFODNN7EXAMPLE"

[[account]]
account_id = "111122223333"
name = "Production"
email = "ops@example.org"
credential_source = "aws"

[[account]]
account_id = "444455556666"
name = "Test"

[[account]]
instance = "lab"
account_id = "111122223333"
name = "Lab"

[[permission_set]]
name = "Admin"
description = "everything"
session_duration = "PT4H"
relay_state = "https://console.aws.amazon.com/s3"
credential_source = "role"

[[permission_set]]
name = "ReadOnly"
session_duration = 7200

[[permission_set]]
instance = "lab"
name = "Admin"

[[assignment]]
accounts = ["111122223333", "444455556666"]
permission_sets = ["Admin", "ReadOnly"]
users = ["mira"]
groups = ["analysts"]

[[assignment]]
accounts = ["444455556666"]
permission_sets = ["ReadOnly"]
users = ["noor"]

[[assignment]]
instance = "lab"
accounts = ["111122223333"]
permission_sets = ["Admin"]
groups = ["analysts"]

[[trusted_token_issuer]]
name = "corp"
issuer_url = "https://login.example.org"
claim_attribute_path = "email"
identity_store_attribute_path = "emails.value"

[[application]]
name = "reports"
description = "monthly"
principals = ["arn:aws:iam::111122223333:user/reports"]
access_scopes = ["redshift:connect", {scope = "s3:access_grants", authorized_targets = ["lake"]}]
assigned_users = ["mira"]
assigned_groups = ["analysts"]
[application.authorization_code]
redirect_uris = ["http://127.0.0.1:8080/callback"]
pkce_required = false
[application.refresh_token]
[application.jwt_bearer]
authorized_token_issuers = [{trusted_token_issuer = "corp", authorized_audiences = ["api://reports"]}]

[[application]]
name = "lake"
status = "DISABLED"
assignment_required = false
[application.token_exchange]
accepted_scopes = ["sso:account:access"]

[[access_key]]
access_key_id = "AKIAIOSFODNN7EXAMPLE"
principal_arn = "arn:aws:iam::111122223333:user/reports"
status = "Inactive"
"""
SECRETS = {
    "AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "source role": "another secret",
}


SIGNED = """
[[credential_source]]
name = "x"
type = "assume-role"
endpoint = "https://sts.example.org"
region = "us-east-1"
access_key_id = "AKIAIOSFODNN7EXAMPLE"
"""
OF_LAB = """
[[trusted_token_issuer]]
instance = "lab"
name = "corp"
issuer_url = "https://login.example.org"
claim_attribute_path = "email"
identity_store_attribute_path = "emails.value"
"""


async def opened(instance: Instance | None = INSTANCE) -> Store:
    store = MemoryStore()
    if instance is not None:
        await store.ensure_instance(instance)
    return store


async def planned(store: Store, text: str, *, prune: bool = False, secrets: dict[str, str] = SECRETS) -> Plan:
    instance = await store.find_instance()
    assert instance is not None
    known = await read_known(store, instance)
    return plan(read(tomllib.loads(text)), known, secrets=secrets, master=MASTER, now=NOW + 1, prune=prune)


async def applied(store: Store, text: str, *, prune: bool = False) -> Plan:
    made = await planned(store, text, prune=prune)
    await store.change_configuration(made.change)
    return made


async def export_of(store: Store) -> tuple[Tables, str]:
    instance = await store.find_instance()
    assert instance is not None
    tables = exported(await read_known(store, instance))
    return tables, "\n".join(toml_text.tables(name, rows) for name, rows in tables.items())


async def test_what_is_exported_differs_in_nothing() -> None:
    store = await opened()
    await applied(store, WHOLE)
    _, text = await export_of(store)
    again = await planned(store, text, prune=True, secrets={})
    assert (again.differences, again.unlisted) == ((), 0)


async def test_elsewhere_it_makes_the_same_directory_with_the_same_ids() -> None:
    store = await opened()
    await applied(store, WHOLE)
    tables, text = await export_of(store)
    other = await opened()
    await applied(other, text)
    assert (await export_of(other))[0] == tables
    for kind in ("user_id", "instance_id"):
        ids = [sorted(getattr(user, kind) for user in await each.list_users()) for each in (store, other)]
        assert ids[0] == ids[1]


async def test_what_was_changed_since_shows_and_is_undone() -> None:
    store = await opened()
    await applied(store, WHOLE)
    tables, text = await export_of(store)
    instance = await store.find_instance()
    assert instance is not None
    known = await read_known(store, instance)
    mira = known.users[INSTANCE.instance_id, "mira"]
    renamed = msgspec.structs.replace(mira, display_name="Somebody")
    role = known.permission_sets[INSTANCE.instance_id, "ReadOnly"]
    await store.change_configuration(ConfigurationChange(replace=((mira, renamed),), remove=(role,), now=NOW))
    drift = await planned(store, text)
    found = {(each.action, each.kind, each.name) for each in drift.differences}
    assert found == {
        ("replace", "user", "mira"),
        ("create", "permission set", "ReadOnly"),
        ("create", "account assignment", "mira as ReadOnly in 111122223333"),
        ("create", "account assignment", "mira as ReadOnly in 444455556666"),
        ("create", "account assignment", "noor as ReadOnly in 444455556666"),
        ("create", "account assignment", "analysts as ReadOnly in 111122223333"),
        ("create", "account assignment", "analysts as ReadOnly in 444455556666"),
    }
    await applied(store, text)
    assert (await export_of(store))[0] == tables


async def test_pruning_removes_what_is_not_declared_and_all_that_hangs_on_it() -> None:
    store = await opened()
    await applied(store, WHOLE)
    assert (await planned(store, "")).differences == ()
    assert (await planned(store, "")).unlisted > 20
    made = await applied(store, "", prune=True)
    assert {each.action for each in made.differences} == {"remove"}
    tables, _ = await export_of(store)
    assert [*tables] == ["instance"]
    assert [each["name"] for each in tables["instance"]] == ["primary"]


@pytest.mark.parametrize(
    "text, complaint",
    [
        ('[[user]]\nuser_name = "a"\ninstance = "x"', "there is no instance 'x'"),
        ('[[user]]\nuser_name = "mira"\nid = "00000000-0000-4000-8000-000000000000"', "has the id"),
        ('[[user]]\nuser_name = "a"\nid = "x"', "a user id is"),
        ('[[user]]\nuser_name = "a"\n[[user]]\nuser_name = "A"', "declared twice"),
        ('[[user]]\nuser_name = "noor"\nexternal_ids = [{issuer = "corp", id = "M-1"}]', "somebody else's"),
        ('[[group]]\nname = "analysts"\nid = "00000000-0000-4000-8000-000000000000"', "has the id"),
        ('[[group]]\nname = "a"\nmembers = ["nobody"]', "there is no user 'nobody'"),
        ('[[account]]\naccount_id = "1"\nname = "a"', "12 digits"),
        ('[[account]]\naccount_id = "777777777777"\nname = "a"\ncredential_source = "x"', "no credential source 'x'"),
        ('[[permission_set]]\nname = "a b"', "1 to 32 letters"),
        ('[[permission_set]]\nname = "a"\nsession_duration = "soon"', "a session duration is"),
        ('[[permission_set]]\nname = "a"\nsession_duration = 60', "a session lasts"),
        ('[[permission_set]]\nname = "Admin"\nid = "ps-0000000000000000"', "has the id"),
        ('[[assignment]]\naccounts = ["777777777777"]\npermission_sets = ["Admin"]', "no account '777777777777'"),
        ('[[assignment]]\naccounts = ["111122223333"]\npermission_sets = ["x"]', "no permission set 'x'"),
        ('[[assignment]]\naccounts = ["111122223333"]\npermission_sets = ["Admin"]\ngroups = ["x"]', "no group 'x'"),
        ('[[instance]]\nname = "Lab"', "small letters"),
        ('[[instance]]\nname = "lab"\nid = "ssoins-ffffffffffffffff"', "the id of instance 'lab' is"),
        ('[[credential_source]]\nname = "x"\ntype = "local"\nendpoint = "https://a.example"', "not for a credential"),
        ('[[credential_source]]\nname = "x"\ntype = "web-identity"', "needs endpoint"),
        (SIGNED, "the secret access key is not known here"),
        (OF_LAB, "not of instance 'lab'"),
    ],
)
async def test_what_cannot_be_is_refused(text: str, complaint: str) -> None:
    store = await opened()
    await applied(store, WHOLE)
    with pytest.raises(InvalidDeclaration, match=complaint):
        await planned(store, text)


async def test_a_secret_that_is_the_same_changes_nothing_and_another_one_does() -> None:
    store = await opened()
    await applied(store, WHOLE)
    assert (await planned(store, WHOLE)).differences == ()
    other = await planned(store, WHOLE, secrets=SECRETS | {"source role": "a new secret"})
    (difference,) = other.differences
    assert (difference.action, difference.kind, difference.name) == ("replace", "credential source", "role")
    assert "a new secret" not in repr(difference)
    assert "sealed_secret': '(hidden)'" in repr(difference.changed)


# Any texts that TOML has to carry

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(TEXT, VALUES, min_size=1, max_size=5), min_size=1, max_size=4), TEXT)
@settings(max_examples=100)
def test_any_value_is_read_as_it_was_written(rows: list[dict[str, object]], name: str) -> None:
    assert tomllib.loads(toml_text.tables(name, rows)) == {name: rows}


NAME = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp", "Cf", "Zs")), min_size=1, max_size=20
)


FULL_NAME = NAME.filter(str.strip)
LABEL = st.from_regex(r"[A-Za-z0-9_+=,.@-]{1,32}", fullmatch=True)
Rows = list[dict[str, object]]


class Drawing:
    """Draws the tables of a declaration in which all is as it may be."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def some(self, of: list[str]) -> list[str]:
        return self.draw(st.lists(st.sampled_from(of), max_size=4, unique=True)) if of else []

    def status(self) -> dict[str, object]:
        return self.draw(st.sampled_from([{}, {"status": "ENABLED"}, {"status": "DISABLED"}]))

    def of_instance(self, instance: str) -> dict[str, Rows]:
        users = self.draw(st.lists(FULL_NAME, max_size=6, unique_by=canonical_name))
        groups = self.draw(st.lists(FULL_NAME, max_size=4, unique=True))
        ids = self.draw(st.lists(st.integers(0, 10**12 - 1), max_size=4, unique=True))
        accounts = [f"{each:012d}" for each in ids]
        roles = self.draw(st.lists(LABEL, max_size=3, unique=True))
        tables: dict[str, Rows] = {
            "user": [{"user_name": name, **self.person()} for name in users],
            "group": [{"name": name, "description": self.draw(NAME), "members": self.some(users)} for name in groups],
            "account": [{"account_id": each, "name": self.draw(FULL_NAME), **self.source()} for each in accounts],
            "permission_set": [
                {"name": name, "session_duration": self.draw(st.integers(3600, 43200)), **self.source()}
                for name in roles
            ],
            "assignment": [
                {
                    "accounts": self.some(accounts),
                    "permission_sets": self.some(roles),
                    "users": self.some(users),
                    "groups": self.some(groups),
                }
                for _ in range(self.draw(st.integers(0, 3)))
            ],
            "application": [
                {
                    "name": f"{instance or 'primary'} {number}",
                    "description": self.draw(NAME),
                    "assignment_required": self.draw(st.booleans()),
                    "assigned_users": self.some(users),
                    "assigned_groups": self.some(groups),
                    **self.draw(st.sampled_from([{}, {"refresh_token": {}, "token_exchange": {}}])),
                    **self.status(),
                }
                for number in range(self.draw(st.integers(0, 2)))
            ],
        }
        of = {"instance": instance} if instance else {}
        return {name: [of | row for row in rows] for name, rows in tables.items()}

    def person(self) -> dict[str, object]:
        names = ("display_name", "given_name", "family_name", "email")
        return {name: self.draw(NAME) for name in names if self.draw(st.booleans())} | self.status()

    def source(self) -> dict[str, object]:
        return self.draw(st.sampled_from([{}, {"credential_source": "cloud"}, {"credential_source": "local"}]))

    def cloud(self) -> dict[str, object]:
        keys = st.text(st.sampled_from("abc .:/=+@-"), min_size=1, max_size=8)
        return {
            "name": "cloud",
            "type": "web-identity",
            "endpoint": "https://sts.example.org",
            "audience": "sts.example.org",
            "description": self.draw(NAME),
            "session_tags": self.draw(st.dictionaries(keys, st.sampled_from(["", "{user_name}", "a b"]), max_size=3)),
        }


@st.composite
def directories(draw: st.DrawFn) -> str:
    """The text of a declaration."""
    drawing = Drawing(draw)
    tables: dict[str, Rows] = {"instance": [{"name": "lab"}], "credential_source": [drawing.cloud()]}
    for instance in ("", "lab"):
        for name, rows in drawing.of_instance(instance).items():
            tables[name] = tables.get(name, []) + rows
    return "\n".join(toml_text.tables(name, rows) for name, rows in tables.items())


@given(directories())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
async def test_any_directory_survives_export_and_apply(text: str) -> None:
    store, other = await opened(), await opened()
    await applied(store, text)
    tables, written = await export_of(store)
    again = await planned(store, written, prune=True)
    assert (again.differences, again.unlisted) == ((), 0)
    await applied(other, written)
    assert (await export_of(other))[0] == tables


@pytest.mark.parametrize("value", [None, b"bytes", {"a": {1, 2}}], ids=repr)
def test_what_toml_has_not_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="TOML has no"):
        toml_text.tables("a", [{"b": value}])
