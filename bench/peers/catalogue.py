"""The peers there are."""

from bench.peers import authlib_flask, django_oauth_toolkit, glewlwyd, moto_server, node_oidc_provider
from bench.peers.peer import Peer

PEERS: tuple[Peer, ...] = (
    node_oidc_provider.PEER,
    authlib_flask.PEER,
    django_oauth_toolkit.PEER,
    glewlwyd.PEER,
    moto_server.PEER,
)
