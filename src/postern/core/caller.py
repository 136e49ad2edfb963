"""Who calls, as far as the transport can tell: shown to people who approve, counted by the limits, written to the
audit log.
"""

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    user_agent: str = ""
