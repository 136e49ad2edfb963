"""The instances of a server: which one a start URL names, and whose a record is.

The primary instance has the plain addresses (``/start``, ``/device``), the others add their id to them.
"""

from collections.abc import Sequence

import msgspec

from postern.api.errors import InvalidClientException
from postern.core import start_urls
from postern.core.clients import Client
from postern.core.directory.records import instance_id_of
from postern.core.policy import Policy
from postern.core.records import Instance


class Instances(msgspec.Struct, frozen=True):
    """A snapshot: all instances, the primary one first, by id and by start URL (normalised)."""

    all: tuple[Instance, ...]
    by_id: dict[str, Instance]
    by_start_url: dict[str, Instance]

    @property
    def primary(self) -> Instance:
        return self.all[0]

    def get(self, instance_id: str) -> Instance | None:
        return self.by_id.get(instance_id)

    def of_client(self, client: Client) -> Instance | None:
        """Whose people a client is for; ``None`` for one that registered without saying.

        Raises:
            InvalidClientException: the instance is gone, or has another start URL now.
        """
        if client.application_arn is not None:
            return self.of_application(client.application_arn)
        if client.issuer_url is None:
            return None
        instance = self.by_start_url.get(start_urls.normalise(client.issuer_url))
        if instance is None:
            raise InvalidClientException(reason="the instance that the client registered for is gone")
        return instance

    def of_application(self, application_arn: str) -> Instance:
        """That of its ARN.

        Raises:
            InvalidClientException: it is gone.
        """
        instance = self.get(instance_id_of(application_arn))
        if instance is None:
            raise InvalidClientException(reason="the instance of the application is gone")
        return instance

    def named_by(self, start_url: str) -> Instance:
        """
        Raises:
            InvalidRequestException: the URL names no instance of this server.
        """
        return start_urls.require(start_url, self.by_start_url)


def snapshot(policy: Policy, known: Sequence[Instance]) -> Instances:
    """Where two instances have the same alias, the first of them has it."""
    by_start_url: dict[str, Instance] = {}
    for instance in known:
        for url in start_urls.accepted(policy, instance):
            by_start_url.setdefault(url, instance)
    return Instances(tuple(known), {instance.instance_id: instance for instance in known}, by_start_url)
