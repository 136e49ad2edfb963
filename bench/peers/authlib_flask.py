"""Authlib with Flask and SQLAlchemy, an application after Authlib's documentation."""

from bench.peers import gunicorn
from bench.peers.peer import Peer, device_flow

_APPLICATION = gunicorn.Application("authlib_app", "app", "Authlib")

PEER = Peer(
    name="Authlib",
    setup=gunicorn.SETUP,
    version=_APPLICATION.version,
    remark="Flask, SQLAlchemy and gunicorn, one synchronous worker, which closes the connection after each answer; "
    "opaque tokens; never says slow_down",
    requests=device_flow(token="/token", device_authorization="/device_authorization", registration="/register"),
    start=_APPLICATION.start,
    seed=_APPLICATION.seed,
)
