"""``postern trusted-token-issuer``: add, list, show, enable, disable, remove."""

import argparse
import asyncio

import msgspec

from postern.cli.configuring import chosen_instance, create, remove, replace
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, printable, show, utc
from postern.core.directory import trusted_token_issuers
from postern.core.directory.records import Application, Status, TrustedTokenIssuer
from postern.core.store import Store


def add(options: argparse.Namespace) -> None:
    issuer = asyncio.run(_add(options))
    show(options, _shown(issuer), f"added {issuer.name}: {issuer.trusted_token_issuer_arn}")


def list_all(options: argparse.Namespace) -> None:
    issuers = asyncio.run(_list(options))
    rows = [
        (issuer.name, issuer.status.value, issuer.issuer_url, _mapping(issuer), issuer.trusted_token_issuer_arn)
        for issuer in issuers
    ]
    table = columns(rows, ("NAME", "STATUS", "ISSUER URL", "CLAIM AND ATTRIBUTE", "ARN"))
    nothing = "no issuer is trusted yet: postern trusted-token-issuer add NAME"
    show(options, [_shown(issuer) for issuer in issuers], table if issuers else nothing)


def show_one(options: argparse.Namespace) -> None:
    issuer = asyncio.run(_find(options))
    lines = [
        f"name        {issuer.name}",
        f"arn         {issuer.trusted_token_issuer_arn}",
        f"status      {issuer.status.value}",
        f"issuer URL  {issuer.issuer_url}",
        f"maps        {_mapping(issuer)}",
        f"algorithms  {', '.join(issuer.algorithms)}",
        f"added       {utc(issuer.created_at)}",
    ]
    show(options, _shown(issuer), "\n".join(map(printable, lines)))


def enable(options: argparse.Namespace) -> None:
    issuer = asyncio.run(_set_status(options, Status.ENABLED))
    show(options, _shown(issuer), f"enabled {issuer.name}")


def disable(options: argparse.Namespace) -> None:
    issuer = asyncio.run(_set_status(options, Status.DISABLED))
    show(options, _shown(issuer), f"disabled {issuer.name}; its assertions are refused")


def delete(options: argparse.Namespace) -> None:
    issuer = asyncio.run(_delete(options))
    show(options, _shown(issuer), f"removed {issuer.name}")


async def _add(options: argparse.Namespace) -> TrustedTokenIssuer:
    async with opened_store(settings_from(options), create=True) as store:
        issuer = trusted_token_issuers.new_trusted_token_issuer(
            await chosen_instance(options, store),
            name=options.name,
            issuer_url=options.issuer_url,
            claim_attribute_path=options.claim,
            identity_store_attribute_path=options.attribute,
            algorithms=tuple(options.algorithm or trusted_token_issuers.DEFAULT_ALGORITHMS),
            now=now(),
        )
        await create(store, issuer, f"there is a trusted token issuer {issuer.name!r} already")
        return issuer


async def _list(options: argparse.Namespace) -> list[TrustedTokenIssuer]:
    async with opened_store(settings_from(options)) as store:
        return sorted(await store.list_configuration(TrustedTokenIssuer), key=lambda issuer: issuer.name)


async def _find(options: argparse.Namespace) -> TrustedTokenIssuer:
    async with opened_store(settings_from(options)) as store:
        return await trusted_token_issuers.find_by_name_or_arn(store, options.name)


async def _set_status(options: argparse.Namespace, status: Status) -> TrustedTokenIssuer:
    async with opened_store(settings_from(options)) as store:
        issuer = await trusted_token_issuers.find_by_name_or_arn(store, options.name)
        changed = msgspec.structs.replace(issuer, status=status)
        await replace(store, issuer, changed)
        return changed


async def _delete(options: argparse.Namespace) -> TrustedTokenIssuer:
    async with opened_store(settings_from(options)) as store:
        issuer = await trusted_token_issuers.find_by_name_or_arn(store, options.name)
        if trusting := await _trusting(store, issuer):
            raise CommandFailed(f"{issuer.name} is trusted by {', '.join(trusting)}: change or remove that first")
        await remove(store, issuer)
        return issuer


async def _trusting(store: Store, issuer: TrustedTokenIssuer) -> list[str]:
    """The names of the applications that trust it."""
    return sorted(
        application.name
        for application in await store.list_configuration(Application)
        if (bearer := application.grants.jwt_bearer)
        for trusted in bearer.authorized_token_issuers
        if trusted.trusted_token_issuer_arn == issuer.trusted_token_issuer_arn
    )


def _mapping(issuer: TrustedTokenIssuer) -> str:
    return f"{issuer.claim_attribute_path} = {issuer.identity_store_attribute_path}"


def _shown(issuer: TrustedTokenIssuer) -> object:
    return msgspec.to_builtins(issuer)
