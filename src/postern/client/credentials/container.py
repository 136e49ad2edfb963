"""Credentials of a container: the endpoint that ECS, EKS and others announce in the environment."""

from collections.abc import Mapping

from postern.client.credentials.documents import credentials_in, read_document
from postern.client.credentials.fetch import fetch
from postern.client.credentials.model import Credentials
from postern.client.effects import Flow
from postern.client.errors import CredentialsError
from postern.client.http import HttpRequest

_ECS = "169.254.170.2"
_HOSTS = frozenset({_ECS, "169.254.170.23", "fd00:ec2::23", "localhost"})
_RELATIVE, _FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN, _TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_TIMEOUT = 2.0
_OK = 200


class ContainerCredentials:
    """The relative URI wins over the full one. The authorization token goes to a loopback address, to those of ECS and
    EKS, or by https, and nowhere else; its file is read anew each time.
    """

    name = "container"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def load(self) -> Flow[Credentials | None]:
        """
        Raises:
            CredentialsError: the URI is not allowed, the token cannot be read, or no credentials came.
        """
        url = self._url()
        if url is None:
            return None
        headers = {"Accept": "application/json", **self._authorization()}
        request = HttpRequest(method="GET", url=url, headers=headers, timeout=_TIMEOUT, direct=True)
        answer = yield from fetch(request)
        if answer.status != _OK:
            raise CredentialsError(f"the container's endpoint answered with status {answer.status}")
        return credentials_in(read_document(answer.body), source=self.name)

    def _url(self) -> str | None:
        relative, full = self._environment.get(_RELATIVE), self._environment.get(_FULL)
        if relative:
            # Else "@example.com/" would make the address a user name.
            if not relative.startswith("/"):
                raise CredentialsError(f"{_RELATIVE} does not begin with a slash")
            return f"http://{_ECS}{relative}"
        if full:
            _refuse_host(full)
        return full or None

    def _authorization(self) -> dict[str, str]:
        path, token = self._environment.get(_TOKEN_FILE), self._environment.get(_TOKEN)
        if path:
            token = _read(path)
        if not token:
            return {}
        if not token.isprintable():
            raise CredentialsError("the container's authorization token has characters that no header may have")
        return {"Authorization": token}


def _refuse_host(url: str) -> None:
    """
    Raises:
        CredentialsError: the URL is neither https nor of a host that only this machine reaches.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise CredentialsError(f"{_FULL} is no URL") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise CredentialsError(f"{_FULL} is no http or https URL without a user name")
    if parts.scheme == "http" and host not in _HOSTS and not _is_loopback(host):
        raise CredentialsError(f"{_FULL} is for {host}: without https only loopback, ECS and EKS addresses are allowed")


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  # pathlib costs more than the file
            return file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"{_TOKEN_FILE} cannot be read: {type(error).__name__}") from None
