"""The Security Token Service (STS) as it is asked: AssumeRole and AssumeRoleWithWebIdentity of its API version
2011-06-15, and the ``getSigninToken`` of AWS's federation protocol (IAM User Guide, "Enable custom identity broker
access to the AWS console").
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec

from postern.api import sigv4
from postern.core.iam.access_keys import TemporaryCredentials
from postern.core.policy import RoleCredentialPolicy
from postern.core.role_credentials.endpoints import is_endpoint
from postern.core.role_credentials.port import (
    AssumeRoleCall,
    SigninTokenCall,
    SourceFaulty,
    StsUnavailable,
    WebIdentityCall,
)
from postern.remote.sts_answers import read_credentials, read_signin_token

if TYPE_CHECKING:  # PERF: the modules behind them take 50 ms to import; servers that call no STS never do
    from postern.remote.sts_endpoint import Network, Post, StsEndpoint

MAX_ENDPOINTS = 256
VERSION = "2011-06-15"
SIGNING_NAME = "sts"
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    "Accept-Encoding": "identity",
    "User-Agent": "postern",
}

T = TypeVar("T")


class RemoteSts:
    """`postern.core.role_credentials.port.Sts` over HTTP. Each endpoint has connections and a breaker of its own, so
    that one that hangs holds up no other.

    ``clock`` counts Unix seconds; ``make_network`` runs in a thread, at the first call.
    """

    def __init__(
        self,
        policy: RoleCredentialPolicy,
        *,
        clock: Callable[[], float] = time.time,
        make_network: "Callable[[], Network] | None" = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._make_network = make_network or _make_network
        self._network: Network | None = None
        self._network_is_made = asyncio.Lock()
        self._endpoints: dict[str, StsEndpoint] = {}

    async def assume_role_with_web_identity(self, call: WebIdentityCall) -> TemporaryCredentials:
        """See the port."""
        action = "AssumeRoleWithWebIdentity"
        form = {
            "RoleSessionName": call.session_name,
            "WebIdentityToken": call.web_identity_token,
            "DurationSeconds": str(call.duration),
        }
        if call.role_arn:
            form["RoleArn"] = call.role_arn
        body = _form(action, form)
        endpoint = await self._endpoint(call.endpoint, allow_http=call.allow_http)
        return await endpoint.ask(
            lambda: _post(call.endpoint, body), lambda answer: read_credentials(answer, action, self._clock())
        )

    async def assume_role(self, call: AssumeRoleCall) -> TemporaryCredentials:
        """See the port."""
        action = "AssumeRole"
        body = _form(action, _assume_role_form(call))
        endpoint = await self._endpoint(call.endpoint, allow_http=call.allow_http)
        return await endpoint.ask(
            lambda: _signed_post(call, body, self._clock()),
            lambda answer: read_credentials(answer, action, self._clock()),
        )

    async def signin_token(self, call: SigninTokenCall) -> str:
        """See the port. By POST, since the credentials shall be in no URL."""
        session = {
            "sessionId": call.credentials.access_key_id,
            "sessionKey": call.credentials.secret_access_key,
            "sessionToken": call.credentials.session_token,
        }
        form = {
            "Action": "getSigninToken",
            "SessionDuration": str(call.duration),
            "Session": msgspec.json.encode(session).decode(),
        }
        body = urlencode(form).encode()
        endpoint = await self._endpoint(call.endpoint, allow_http=call.allow_http)
        return await endpoint.ask(lambda: _post(call.endpoint, body), read_signin_token)

    async def aclose(self) -> None:
        """Close the connections."""
        for endpoint in self._endpoints.values():
            await endpoint.aclose()
        self._endpoints.clear()

    async def _endpoint(self, url: str, *, allow_http: bool) -> "StsEndpoint":
        """The endpoint, as the one that was asked last.

        Raises:
            SourceFaulty: the URL is not one that may be asked.
            StsUnavailable: the certificates that TLS trusts cannot be read.
        """
        if not is_endpoint(url, allow_http=allow_http):
            raise SourceFaulty("the endpoint is not https, and neither on loopback nor allowed to be http")
        network = await self._ready_network()
        from postern.remote.sts_endpoint import StsEndpoint

        endpoint = self._endpoints.pop(url, None) or StsEndpoint(url, self._policy, network)
        self._endpoints[url] = endpoint
        if len(self._endpoints) > MAX_ENDPOINTS:
            unasked = next((each for each in self._endpoints if self._endpoints[each].is_idle and each != url), None)
            if unasked is not None:
                await self._endpoints.pop(unasked).aclose()
        return endpoint

    async def _ready_network(self) -> "Network":
        async with self._network_is_made:
            if self._network is None:
                try:
                    self._network = await asyncio.to_thread(self._make_network)
                except OSError as failure:
                    raise StsUnavailable(f"the certificates that TLS trusts cannot be read: {failure}") from None
            return self._network


def _make_network() -> "Network":
    """PERF: the imports, and reading the certificates that TLS trusts, take 100 ms: not in the event loop."""
    import ssl

    from postern.remote.sts_endpoint import Network

    return Network(tls=ssl.create_default_context())


def _form(action: str, members: Mapping[str, str]) -> bytes:
    return urlencode({"Action": action, "Version": VERSION, **members}).encode()


def _assume_role_form(call: AssumeRoleCall) -> dict[str, str]:
    form = {
        "RoleArn": call.role_arn,
        "RoleSessionName": call.session_name,
        "DurationSeconds": str(call.duration),
    }
    if call.external_id:
        form["ExternalId"] = call.external_id
    if call.source_identity:
        form["SourceIdentity"] = call.source_identity
    for number, tag in enumerate(call.tags, 1):
        form |= {f"Tags.member.{number}.Key": tag.key, f"Tags.member.{number}.Value": tag.value}
    for number, key in enumerate(call.transitive_tag_keys, 1):
        form[f"TransitiveTagKeys.member.{number}"] = key
    return form


def _post(url: str, body: bytes, added: Mapping[str, str] = {}) -> "Post":
    from postern.remote.sts_endpoint import Post

    headers = {"Host": sigv4.host_header(url), **_HEADERS, **added}
    return Post(tuple(headers.items()), body)


def _signed_post(call: AssumeRoleCall, body: bytes, now: float) -> "Post":
    signed = sigv4.sign(
        method="POST",
        url=call.endpoint,
        headers={"Content-Type": _HEADERS["Content-Type"]},
        body=body,
        access_key_id=call.access_key_id,
        secret_access_key=call.secret_access_key,
        region=call.region,
        service=SIGNING_NAME,
        now=now,
    )
    return _post(call.endpoint, body, signed)
