"""The way to the service: proxies, its certificate, whether it is it that answers, and its clock."""

from collections.abc import Iterator

from postern.api import restjson
from postern.api.sso_oidc import CREATE_TOKEN
from postern.cli.doctor import certificate
from postern.cli.doctor.endpoint import Target, is_loopback, target_of
from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.sign_ins import opened_client
from postern.client import answers, endpoints
from postern.client.errors import ClientError, ConfigurationError, ProxyError, TlsError, TransportError
from postern.client.http import HttpRequest, HttpResponse

_TIMEOUT = 10.0
_SKEW_WARNING, _SKEW_LIMIT = 60.0, 300.0
_SET_CLOCK = "set the clock, best by NTP"
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")


def examine(case: Case) -> Iterator[Finding]:
    try:
        target = target_of(case, "sso_oidc")
        endpoint = target.endpoint
    except ConfigurationError:
        return  # it is reported where the endpoint is looked at
    try:
        proxy = proxy_of(case, endpoint)
    except ConfigurationError as error:
        yield problem("proxy", str(error), "correct HTTPS_PROXY or HTTP_PROXY")
        return
    yield _proxy(case, endpoint, proxy)
    if endpoint.protocol == "https:":
        found = list(certificate.examine(case, endpoint, proxy))
        yield from found
        if any(each.severity == "problem" for each in found):
            return  # nothing can be asked over such a connection, and why has been said
    yield from _answer(case, target)


def proxy_of(case: Case, endpoint: endpoints.Endpoint) -> str | None:
    """The proxy (host:port) between here and there, if there is one.

    Raises:
        ConfigurationError: the proxy's URL cannot be used.
    """
    from postern.client.transports.options import TransportOptions
    from postern.client.transports.routes import Routes

    options = TransportOptions(environment=case.environment)
    route, _ = Routes(options).find(HttpRequest(method="GET", url=endpoint.href))
    return f"{route.proxy.host}:{route.proxy.port}" if route.proxy else None


def _proxy(case: Case, endpoint: endpoints.Endpoint, name: str | None) -> Finding:
    if name is None:
        given = [each for each in _PROXY_VARIABLES if case.environment.get(each)]
        text = f"none for {endpoint.host}" + (f" ({', '.join(given)} set)" if given else "")
        return ok("proxy", text)
    if is_loopback(endpoint):
        return problem(
            "proxy",
            f"requests to {endpoint.host}, which is this machine, go to {name}",
            f"add {endpoint.hostname} to NO_PROXY",
        )
    return ok("proxy", f"requests to {endpoint.host} go through {name}")


def _answer(case: Case, target: Target) -> Iterator[Finding]:
    """A request that changes nothing: it has no grant, and is refused for that."""
    assert case.session is not None
    request = HttpRequest(
        method="POST",
        url=f"{target.endpoint.base}{CREATE_TOKEN.request_uri}",
        headers={"Content-Type": "application/json"},
        body=b"{}",
        timeout=_TIMEOUT,
    )
    try:
        with opened_client(case.session) as client:
            before = case.now()
            answer = client.transport.send(request)
            after = case.now()
    except (TransportError, ConfigurationError) as error:
        yield problem("service", str(error), _advice(error))
        return
    yield _identity(answer, target)
    yield _clock(answer, before, after)


def _identity(answer: HttpResponse, target: Target) -> Finding:
    name, _ = restjson.read_error(answer.headers, answer.body)
    if name in {error.wire_name() for error in CREATE_TOKEN.errors}:
        return ok("service", "answers, and as SSO OIDC does")
    kind = answers.printable(answer.headers.get("content-type", "nothing"))
    return problem(
        "service",
        f"what answers at {target.url} is no SSO OIDC service (status {answer.status}, {kind})",
        "check the endpoint; a proxy or a sign-in page of the network may stand in between",
    )


def _clock(answer: HttpResponse, before: float, after: float) -> Finding:
    from email.utils import parsedate_to_datetime

    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return ok("clock", "the service does not say what time it has")
    # The header has whole seconds, and was written somewhere between sending and receiving.
    skew = max(0.0, before - theirs - 1) or min(0.0, after - theirs)
    text = f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the service"
    if abs(skew) > _SKEW_LIMIT:
        return problem("clock", f"{text}: signed requests are refused, and tokens look older or newer", _SET_CLOCK)
    if abs(skew) > _SKEW_WARNING:
        return warn("clock", text, _SET_CLOCK)
    return ok("clock", "agrees with the service's")


def _advice(error: ClientError) -> str:
    if isinstance(error, TlsError):
        return f"a proxy that looks into TLS has an authority of its own: {certificate.ADD_AUTHORITY}"
    if isinstance(error, ProxyError):
        return "check HTTPS_PROXY and NO_PROXY, and the user and password in it"
    if isinstance(error, ConfigurationError):
        return "correct it: nothing can be reached like this"
    return "check the address, the network and whether the service runs"
