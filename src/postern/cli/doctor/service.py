"""The way to the service: its address and who said so, proxies, whether anything answers there, and its clock."""

from collections.abc import Iterator
from typing import NamedTuple

from postern.api import restjson
from postern.api.sso_oidc import CREATE_TOKEN
from postern.cli.doctor import certificate
from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.sign_ins import opened_client
from postern.client import answers, endpoints
from postern.client.errors import ClientError, ConfigurationError, ProxyError, TlsError, TransportError
from postern.client.http import HttpRequest, HttpResponse
from postern.client.settings import ServiceSettings, service_settings

_PREFIXES = {"sso_oidc": "oidc", "sso": "portal.sso"}
_TIMEOUT = 10.0
_SKEW_WARNING, _SKEW_LIMIT = 60.0, 300.0
_SET_CLOCK = "set the clock, best by NTP"
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")


class Target(NamedTuple):
    """Where requests to a service go, and who says so."""

    url: str
    origin: str
    is_custom: bool


def examine(case: Case) -> Iterator[Finding]:
    assert case.session is not None
    try:
        target = endpoint_of(case, "sso_oidc")
        portal = endpoint_of(case, "sso")
        endpoint = endpoints.parse(target.url)
    except ConfigurationError as error:
        yield problem("endpoint", str(error), "correct it: nothing can be reached like this")
        return
    yield ok("endpoint", f"sign-in (sso_oidc) at {target.url}: {target.origin}")
    yield from _portal(target, portal)
    yield from _plain_text(endpoint)
    yield from _ignored(case)
    try:
        yield from _proxy(case, endpoint)
    except ConfigurationError as error:
        yield problem("proxy", str(error), "correct HTTPS_PROXY or HTTP_PROXY")
        return
    yield from _answer(case, target)
    if endpoint.protocol == "https:":
        yield from certificate.examine(case, endpoint, proxy_of(case, endpoint))


def endpoint_of(case: Case, service_id: str) -> Target:
    """
    Raises:
        ConfigurationError: what is configured cannot be used.
    """
    assert case.session is not None
    if case.session.endpoint_url:
        return Target(case.session.endpoint_url, "given on the command line", is_custom=True)
    settings = _settings(case, service_id)
    if settings.endpoint_url:
        return Target(settings.endpoint_url, _origin(case, service_id, settings), is_custom=True)
    url = endpoints.resolve(
        _PREFIXES[service_id],
        case.session.region,
        use_fips=settings.use_fips_endpoint,
        use_dualstack=settings.use_dualstack_endpoint,
    )
    return Target(url, f"AWS's own for {case.session.region}, since no other is configured", is_custom=False)


def _settings(case: Case, service_id: str) -> ServiceSettings:
    assert case.session is not None
    return service_settings(service_id, profile=case.session.profile, environment=case.environment, shared=case.shared)


def _origin(case: Case, service_id: str, settings: ServiceSettings) -> str:
    for variable in (f"AWS_ENDPOINT_URL_{service_id.upper()}", "AWS_ENDPOINT_URL"):
        if case.environment.get(variable):
            return f"from {variable}"
    profile = settings.profile or "default"
    services = case.shared.profile(profile).get("services", "")
    if services and case.shared.services(services).get(service_id, {}).get("endpoint_url"):
        return f"from [services {services}], which profile {profile} names"
    return f"from endpoint_url of profile {profile}"


def _portal(target: Target, portal: Target) -> Iterator[Finding]:
    text = f"accounts and roles (sso) at {portal.url}: {portal.origin}"
    if target.is_custom == portal.is_custom:
        yield ok("endpoint", text)
        return
    missing = "sso" if target.is_custom else "sso_oidc"
    yield problem(
        "endpoint",
        f"{text}; that is another service than the one that signs in",
        f"configure an endpoint for {missing} too: `postern configure sso --endpoint-url URL` sets all of them",
    )


def is_loopback(endpoint: endpoints.Endpoint) -> bool:
    return endpoint.hostname in ("localhost", "::1") or endpoint.hostname.startswith("127.")


def _plain_text(endpoint: endpoints.Endpoint) -> Iterator[Finding]:
    if endpoint.protocol == "http:" and not is_loopback(endpoint):
        yield problem("endpoint", f"{endpoint.href} is not https: anyone on the way can read tokens", "use https")


def _ignored(case: Case) -> Iterator[Finding]:
    if _settings(case, "sso_oidc").ignore_configured_endpoint_urls:
        yield warn(
            "endpoint",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is in force: configured endpoints count for nothing",
            "unset it, or ignore_configured_endpoint_urls in the profile",
        )


def _proxy(case: Case, endpoint: endpoints.Endpoint) -> Iterator[Finding]:
    name = proxy_of(case, endpoint)
    if name is None:
        given = [each for each in _PROXY_VARIABLES if case.environment.get(each)]
        text = f"none for {endpoint.host}" + (f" ({', '.join(given)} set)" if given else "")
        yield ok("proxy", text)
    elif is_loopback(endpoint):
        yield problem(
            "proxy",
            f"requests to {endpoint.host}, which is this machine, go to {name}",
            f"add {endpoint.hostname} to NO_PROXY",
        )
    else:
        yield ok("proxy", f"requests to {endpoint.host} go through {name}")


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


def _answer(case: Case, target: Target) -> Iterator[Finding]:
    """A request that changes nothing: it has no grant, and is refused for that."""
    assert case.session is not None
    request = HttpRequest(
        method="POST",
        url=f"{endpoints.parse(target.url).base}{CREATE_TOKEN.request_uri}",
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
        return "see the certificate below; AWS_CA_BUNDLE names a file of further authorities"
    if isinstance(error, ProxyError):
        return "check HTTPS_PROXY and NO_PROXY, and the user and password in it"
    if isinstance(error, ConfigurationError):
        return "correct it: nothing can be reached like this"
    return "check the address, the network and whether the service runs"
