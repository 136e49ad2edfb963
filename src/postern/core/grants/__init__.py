"""The grant types of CreateToken, as a table. A new one is a file in this room and a line here."""

from postern.core.grants import authorization_code, device_code, refresh_token
from postern.core.grants.base import Grant

GRANTS: dict[str, Grant] = {
    grant.grant_type: grant for grant in (device_code.GRANT, authorization_code.GRANT, refresh_token.GRANT)
}

__all__ = ["GRANTS", "Grant"]
