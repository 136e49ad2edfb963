"""A plan in the making: what there is, what there will be, and which records the declaration has named."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from postern.core.directory.declaration import InvalidDeclaration, OfInstance, Place
from postern.core.directory.planning.known import Known, Named
from postern.core.directory.planning.steps import Plan, Steps
from postern.core.directory.records import Group
from postern.core.keys import MasterKey
from postern.core.records import Instance, Record, User
from postern.core.users import canonical_name

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R", bound=Record)

# The tables of `Known` whose records are removed when they are not declared, in the order of their removal, and what
# people call them.
_PRUNED = {
    "assignments": "assignment",
    "applications": "application",
    "access_keys": "access key",
    "issuers": "trusted token issuer",
    "account_assignments": "account assignment",
    "memberships": "membership",
    "external_ids": "external id",
    "groups": "group",
    "users": "user",
    "accounts": "account",
    "permission_sets": "permission set",
    "sources": "credential source",
    "instances": "instance",
}


class Draft:
    """``instances``, ``users``, ``groups``, ``accounts``, ``permission_sets`` and ``sources`` are as they will be: what
    a declaration may name. With ``prune`` that is only what it has declared.
    """

    def __init__(
        self,
        known: Known,
        *,
        secrets: Mapping[str, str],
        master: MasterKey | None,
        now: int,
        password_hashes: Mapping[int, str],
        prune: bool,
    ) -> None:
        self.known = known
        self.secrets = secrets
        self.master = master
        self.now = now
        self.password_hashes = password_hashes
        self.prune = prune
        self.instances = {known.instance.name: known.instance, **self.staying(known.instances)}
        self.users = self.staying(known.users)
        self.groups = self.staying(known.groups)
        self.accounts = self.staying(known.accounts)
        self.permission_sets = self.staying(known.permission_sets)
        self.sources = self.staying(known.sources)
        self._steps = Steps(now)
        self._named: dict[str, set[object]] = {table: set() for table in _PRUNED}
        self._keys_by_id: dict[str, Named] = {
            **{user.user_id: key for key, user in known.users.items()},
            **{group.group_id: key for key, group in known.groups.items()},
            **{each.permission_set_arn: key for key, each in known.permission_sets.items()},
        }

    def staying(self, known: Mapping[K, T]) -> dict[K, T]:
        """What stays there without being declared."""
        return {} if self.prune else dict(known)

    def settle(self, table: str, key: object, title: str, old: R | None, new: R, place: Place) -> None:
        """The record ``new`` of the table of `Known` shall be there. ``key`` is that of ``old``, if there is one.

        Raises:
            InvalidDeclaration: the record was declared before, in other words.
        """
        if key in self._named[table]:
            raise InvalidDeclaration(f"{_PRUNED[table]} {title!r} is declared twice", place)
        self._named[table].add(key)
        self._steps.settle(_PRUNED[table], title, old, new)

    def key_of(self, there: Mapping[Named, T], key: Named, own_id: str | None, kind: str, place: Place) -> Named:
        """Under which key the table ``there`` has what is declared with the key ``key`` and the id ``own_id``: under
        another one if it gets a new name. Under ``key`` where it is new.

        Raises:
            InvalidDeclaration: another record has the id.
        """
        old_key = self._keys_by_id.setdefault(own_id, key) if own_id else key
        if old_key == key:
            return key
        if key in there or old_key not in there or old_key[0] != key[0]:
            raise InvalidDeclaration(f"{kind} {old_key[1]!r} has that id", (*place, "id"))
        return old_key

    def is_named(self, table: str, key: object) -> bool:
        """Whether the declaration has named the record before."""
        return key in self._named[table]

    def instance_of(self, declared: OfInstance, place: Place) -> Instance:
        """
        Raises:
            InvalidDeclaration: there is no such instance.
        """
        if not declared.instance:
            return self.known.instance
        return existing(self.instances, declared.instance, "instance", declared.instance, (*place, "instance"))

    def people(self, names: Sequence[str], instance: Instance, place: Place) -> list[User]:
        """Each of them once.

        Raises:
            InvalidDeclaration: one is not there.
        """
        found = [
            existing(self.users, (instance.instance_id, canonical_name(name)), "user", name, place) for name in names
        ]
        return list({user.user_id: user for user in found}.values())

    def groups_called(self, names: Sequence[str], instance: Instance, place: Place) -> list[Group]:
        """Each of them once.

        Raises:
            InvalidDeclaration: one is not there.
        """
        found = [existing(self.groups, (instance.instance_id, name), "group", name, place) for name in names]
        return list({group.group_id: group for group in found}.values())

    def require_master(self) -> MasterKey:
        if self.master is None:
            raise ValueError("secrets cannot be sealed without the master key")
        return self.master

    def plan(self) -> Plan:
        unlisted = 0
        for table, kind in _PRUNED.items():
            there: Mapping[object, Record] = getattr(self.known, table)
            for key, record in there.items():
                if key in self._named[table] or record == self.known.instance:
                    continue
                if self.prune:
                    self._steps.remove(kind, _title(record, key), record)
                else:
                    unlisted += 1
        return self._steps.plan(unlisted)


def existing(known: Mapping[K, T], key: K, kind: str, name: str, place: Place) -> T:
    """
    Raises:
        InvalidDeclaration: it is not there.
    """
    found = known.get(key)
    if found is None:
        raise InvalidDeclaration(f"there is no {kind} {name!r}", place)
    return found


def _title(record: Record, key: object) -> str:
    """What people call it."""
    for member in ("user_name", "display_name", "name"):
        if name := getattr(record, member, None):
            return str(name)
    return str(key)
