"""Where requests go and who says so, for signing in and for accounts and roles."""

from collections.abc import Iterator
from typing import NamedTuple

from postern.cli.doctor.findings import Case, Finding, ok, problem, warn
from postern.cli.sign_ins import is_configured
from postern.cli.whereabouts import PREFIXES, ServiceId, is_of_aws, located
from postern.client import endpoints
from postern.client.errors import ConfigurationError
from postern.client.settings import ServiceSettings, service_settings

_CHECK = "endpoint"


class Target(NamedTuple):
    """Where requests to a service go, and who says so. ``is_custom``: it is not AWS's own. ``is_shared``: other tools
    that read the same configuration find it too.
    """

    url: str
    origin: str
    is_custom: bool
    is_shared: bool = True

    @property
    def endpoint(self) -> endpoints.Endpoint:
        """
        Raises:
            ConfigurationError: it is none.
        """
        return endpoints.parse(self.url)


def examine(case: Case) -> Iterator[Finding]:
    try:
        target, portal = target_of(case, "sso_oidc"), target_of(case, "sso")
        endpoint, portal_endpoint = target.endpoint, portal.endpoint
    except ConfigurationError as error:
        yield problem(_CHECK, str(error), "correct it: nothing can be reached like this")
        return
    yield ok(_CHECK, f"sign-in (sso_oidc) at {target.url}: {target.origin}")
    yield _portal(target, portal, is_one_host=endpoint.hostname == portal_endpoint.hostname)
    for url in {target.url: None, portal.url: None}:
        if not url.lower().startswith(("http://", "https://")):
            yield problem(_CHECK, f"{url} has no scheme: other tools refuse it", "write http:// or https:// before it")
    if endpoint.protocol == "http:" and not is_loopback(endpoint):
        yield problem(_CHECK, f"{endpoint.href} is not https: anyone on the way can read tokens", "use https")
    if _settings(case, "sso_oidc").ignore_configured_endpoint_urls:
        yield warn(
            _CHECK,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is in force: configured endpoints count for nothing",
            "unset it, or ignore_configured_endpoint_urls in the profile",
        )


def target_of(case: Case, service_id: ServiceId) -> Target:
    """
    Raises:
        ConfigurationError: what is configured cannot be used, or nothing says where the sign-in is.
    """
    session, token, settings = case.session, case.token, _settings(case, service_id)
    assert session is not None
    if session.endpoint_url:
        return Target(session.endpoint_url, "given on the command line", is_custom=True, is_shared=False)
    counts = not (is_configured(session, case.shared) and _settings(case, "sso_oidc").endpoint_url)
    url = token.endpoint_url if token and counts else None
    if url and not is_of_aws(url, session.region):
        return Target(url, "recorded with its token, since none is configured", is_custom=True, is_shared=False)
    if settings.endpoint_url and not url:
        return Target(settings.endpoint_url, _origin(case, service_id, settings), is_custom=True)
    if token:
        located(session, token, case.shared, service_id)  # raises where we would guess
    return Target(
        endpoints.resolve(
            PREFIXES[service_id],
            session.region,
            use_fips=settings.use_fips_endpoint,
            use_dualstack=settings.use_dualstack_endpoint,
        ),
        f"AWS's own for {session.region}, since no other is configured",
        is_custom=False,
    )


def is_loopback(endpoint: endpoints.Endpoint) -> bool:
    return endpoint.hostname in ("localhost", "::1") or endpoint.hostname.startswith("127.")


def _settings(case: Case, service_id: ServiceId) -> ServiceSettings:
    assert case.session is not None
    return service_settings(service_id, profile=case.session.profile, environment=case.environment, shared=case.shared)


def _origin(case: Case, service_id: ServiceId, settings: ServiceSettings) -> str:
    for variable in (f"AWS_ENDPOINT_URL_{service_id.upper()}", "AWS_ENDPOINT_URL"):
        if case.environment.get(variable):
            return f"from {variable}"
    profile = settings.profile or "default"
    services = case.shared.profile(profile).get("services", "")
    if services and case.shared.services(services).get(service_id, {}).get("endpoint_url"):
        return f"from [services {services}], which profile {profile} names"
    return f"from endpoint_url of profile {profile}"


def _portal(target: Target, portal: Target, *, is_one_host: bool) -> Finding:
    text = f"accounts and roles (sso) at {portal.url}: {portal.origin}"
    if target.is_custom != portal.is_custom:
        missing = "sso" if target.is_custom else "sso_oidc"
        return problem(
            _CHECK,
            f"{text}; that is another service than the one that signs in",
            f"configure an endpoint for {missing} too: `postern configure sso --endpoint-url URL` sets all of them",
        )
    if target.is_custom and not is_one_host:
        return warn(
            _CHECK,
            f"{text}; that is another host than the one that signs in",
            "correct it, unless it is one service with two names: tokens are good only where they were issued",
        )
    return ok(_CHECK, text)
