"""Whose people a page is for: its address says it, or the client that it is about. Never a user code: that would be a
way to try codes without being counted.
"""

import re

from postern.core import authorize
from postern.core.records import Instance
from postern.core.service import Service
from postern.server.pages import forms
from postern.server.pages.errors import not_found

_NAMED = re.compile(r"/(?:start|device)/(ssoins-[^/]+)(?:/.*)?")
_CONSENT = "/authorize"


def instance_at(service: Service, named: str | None) -> Instance:
    """The instance of an address that names one, or names none.

    Raises:
        PageRefused: there is no such instance, or it is the primary one, whose addresses name none.
    """
    if named is None:
        return service.instances.primary
    instance = service.instances.get(named)
    if instance is None or instance.is_primary:
        raise not_found()
    return instance


def instance_of(service: Service, target: str) -> Instance | None:
    """The instance that ``target``, a page that people are sent to, is for; ``None`` if it is for anybody.

    Raises:
        PageRefused: there is no such instance, or the query cannot be read.
    """
    path, _, query = target.partition("?")
    if path == _CONSENT:
        return authorize.instance_of_client(service, forms.parse(query).get("client_id", ""))
    named = _NAMED.fullmatch(path)
    return instance_at(service, named[1] if named else None)
