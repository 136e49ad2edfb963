"""Whom an access token is for: the applications that may take it in exchange or look at it, though it is not theirs."""

from postern.core.directory.records import Application, instance_id_of


def names_target(issuer: Application, carried: tuple[str, ...], application_arn: str, instance_arn: str) -> bool:
    """Whether a token of the application ``issuer`` that carries these scopes names another application as a target.
    ``instance_arn`` is that of the other's instance; no token is for one of an instance that is not the issuer's.
    """
    if not issuer.enabled or issuer.instance_id != instance_id_of(application_arn):
        return False
    targets = {application_arn, instance_arn}
    return any(scope.scope in carried and targets & set(scope.authorized_targets) for scope in issuer.access_scopes)


def accepts(application: Application, carried: tuple[str, ...]) -> bool:
    """Whether a public client's token that carries these scopes is for ``application``."""
    options = application.grants.token_exchange
    return options is not None and bool(set(carried) & set(options.accepted_scopes))
