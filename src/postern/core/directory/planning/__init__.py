"""From a declaration to the change that makes it true: what is new is created, what differs is replaced, and what is
not named is left alone, unless it shall be removed. Nothing is done here.
"""

from collections.abc import Mapping

from postern.core.directory.declaration import Declaration
from postern.core.directory.planning import access, applications, people
from postern.core.directory.planning.draft import Draft
from postern.core.directory.planning.known import Known, read_known
from postern.core.directory.planning.steps import Difference, Plan
from postern.core.keys import MasterKey

__all__ = ["Difference", "Known", "Plan", "plan", "read_known"]


def plan(
    declaration: Declaration,
    known: Known,
    *,
    secrets: Mapping[str, str],
    master: MasterKey | None,
    now: int,
    password_hashes: Mapping[int, str] | None = None,
    prune: bool = False,
) -> Plan:
    """What to change, all of it at once.

    ``secrets`` are secret access keys by access key id, and those of credential sources by `access.secret_name`;
    without such keys in the declaration ``master`` is not needed. ``password_hashes`` are those of people whose
    password changes, by their place in the declaration. With ``prune`` what is not declared is removed, and cannot be
    named; else the plan says how much it is.

    Raises:
        InvalidDeclaration: a record would not be valid, or names what is not there.
    """
    draft = Draft(known, secrets=secrets, master=master, now=now, password_hashes=password_hashes or {}, prune=prune)
    people.declare_instances(draft, declaration)
    people.declare_users(draft, declaration)
    people.declare_groups(draft, declaration)
    access.declare_sources(draft, declaration)
    access.declare_accounts(draft, declaration)
    access.declare_permission_sets(draft, declaration)
    access.declare_assignments(draft, declaration)
    applications.declare(draft, declaration)
    return draft.plan()
