"""Whom an access token is for: the applications that may take it in exchange or look at it, though it is not theirs."""

from postern.core.directory.records import Application


def names_target(issuer: Application, carried: tuple[str, ...], application_arn: str, instance_arn: str) -> bool:
    """Whether a token of the application ``issuer`` that carries these scopes names another application as a target."""
    if not issuer.enabled:
        return False
    targets = {application_arn, instance_arn}
    return any(scope.scope in carried and targets & set(scope.authorized_targets) for scope in issuer.access_scopes)


def accepts(application: Application, carried: tuple[str, ...]) -> bool:
    """Whether a public client's token that carries these scopes is for ``application``."""
    options = application.grants.token_exchange
    return options is not None and bool(set(carried) & set(options.accepted_scopes))
