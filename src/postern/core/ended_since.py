"""What the audit log says was ended since a back-up, for a store that was restored and does not know it."""

from collections.abc import Iterable

import msgspec

from postern.core.audit import AuditEvent, EventName
from postern.core.store import Store

REASON = "the audit log says that it ended before the store was restored"
_ENDINGS = frozenset({EventName.LOGOUT, EventName.PASSWORD_CHANGED, EventName.REVOKE_TOKEN_WITH_IAM})
_THEFTS = frozenset({EventName.REFRESH_TOKEN_REUSE, EventName.CODE_REUSE})


class _Line(msgspec.Struct):
    audit: AuditEvent


class Endings(msgspec.Struct, frozen=True):
    """People and clients of whom something was ended, and how many events said so. An event tells no sign-in from
    another of the same person or client: all of theirs are meant.
    """

    user_ids: frozenset[str]
    client_digests: frozenset[bytes]
    events: int


def endings(lines: Iterable[str], since: int) -> Endings:
    """Of the lines of a log those that say that something was ended at ``since`` or later; whatever else is in it is
    passed over.
    """
    decode = msgspec.json.Decoder(_Line).decode
    people, clients, events = set(), set(), 0
    for line in lines:
        try:
            event = decode(line).audit
        except (msgspec.MsgspecError, UnicodeEncodeError):
            continue
        if event.event_time < since or not _has_ended_something(event):
            continue
        events += 1
        if event.user_id is not None:
            people.add(event.user_id)
        elif event.client_digest is not None:
            clients.add(bytes.fromhex(event.client_digest))
    return Endings(frozenset(people), frozenset(clients), events)


def _has_ended_something(event: AuditEvent) -> bool:
    return event.event_name in _THEFTS or (event.event_name in _ENDINGS and event.outcome == "Success")


async def end_again(store: Store, ended: Endings, now: int) -> int:
    """End all sign-ins of these people and clients; how many lived until now."""
    lived = 0
    for user_id in sorted(ended.user_ids):
        lived += len(await store.end_other_sign_ins(user_id, b"", REASON, now))
    for client_digest in sorted(ended.client_digests):
        lived += len(await store.end_sign_ins_of_client(client_digest, REASON, now))
    return lived
