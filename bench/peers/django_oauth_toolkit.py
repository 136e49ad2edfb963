"""django-oauth-toolkit, one file of Django."""

import msgspec

from bench.peers import gunicorn
from bench.peers.peer import REGISTER, Peer, device_flow
from postern.core.clients import DEVICE_CODE

_APPLICATION = gunicorn.Application("django_app", "application", "django-oauth-toolkit")
_REQUESTS = device_flow(
    token="/o/token/",
    device_authorization="/o/device-authorization/",
    registration="/o/register/",
    registered={"grant_types": [DEVICE_CODE]},  # an application has one grant; refreshing goes with it
)

PEER = Peer(
    name="django-oauth-toolkit",
    setup=gunicorn.SETUP,
    version=_APPLICATION.version,
    remark="Django and gunicorn, one synchronous worker, which closes the connection after each answer; persistent "
    "database connections; opaque tokens; never says slow_down; a public client, since a secret goes through Django's "
    "password hasher at every request, and so does that of each registration, for which one connection asks",
    requests={**_REQUESTS, REGISTER: msgspec.structs.replace(_REQUESTS[REGISTER], connections=1)},
    start=_APPLICATION.start,
    seed=_APPLICATION.seed,
)
