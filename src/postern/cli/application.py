"""``postern application``: applications that sign with IAM credentials, and who may use them."""

import argparse
import asyncio
import json

import msgspec

from postern.cli.application_options import with_options
from postern.cli.configuring import chosen_instance, create, remove, replace
from postern.cli.context import opened_store, settings_from
from postern.cli.exit_codes import CommandFailed
from postern.cli.output import columns, now, printable, show, utc
from postern.core import users
from postern.core.directory import applications, groups
from postern.core.directory.records import Application, ApplicationAssignment, Group, PrincipalType, Status
from postern.core.records import Instance
from postern.core.store import Store

_NOBODY_MAY = "nobody's credentials may use it yet: postern application update {} --principal ARN"


def add(options: argparse.Namespace) -> None:
    application = asyncio.run(_add(options))
    text = f"added {application.name}: {application.application_arn}"
    show(options, _shown(application), text if application.actor_policy else f"{text}\n{_advice(application)}")


def update(options: argparse.Namespace) -> None:
    application = asyncio.run(_update(options))
    text = f"updated {application.name}"
    show(options, _shown(application), text if application.actor_policy else f"{text}\n{_advice(application)}")


def list_all(options: argparse.Namespace) -> None:
    found = asyncio.run(_list(options))
    rows = [(each.name, each.status.value, _grant_names(each), each.application_arn) for each in found]
    table = columns(rows, ("NAME", "STATUS", "GRANTS", "ARN"))
    shown = [_shown(application) for application in found]
    show(options, shown, table if found else "no application yet: postern application add NAME")


def show_one(options: argparse.Namespace) -> None:
    application = asyncio.run(_find(options))
    show(options, _shown(application), "\n".join(map(printable, _lines(application))))


def enable(options: argparse.Namespace) -> None:
    application = asyncio.run(_set_status(options, Status.ENABLED))
    show(options, _shown(application), f"enabled {application.name}")


def disable(options: argparse.Namespace) -> None:
    application = asyncio.run(_set_status(options, Status.DISABLED))
    show(options, _shown(application), f"disabled {application.name}; it gets no tokens")


def delete(options: argparse.Namespace) -> None:
    application = asyncio.run(_delete(options))
    show(options, _shown(application), f"removed {application.name} and its assignments")


def assign(options: argparse.Namespace) -> None:
    application, assignment, name = asyncio.run(_assign(options))
    show(options, _shown_assignment(assignment, name), f"{name} may use {application.name}")


def unassign(options: argparse.Namespace) -> None:
    application, assignment, name = asyncio.run(_unassign(options))
    show(options, _shown_assignment(assignment, name), f"{name} is no longer assigned to {application.name}")


def assignments(options: argparse.Namespace) -> None:
    application, found = asyncio.run(_assignments(options))
    rows = [(each.principal_type.value, name, each.principal_id) for each, name in found]
    nothing = f"nobody is assigned to {application.name}"
    if not application.assignment_required:
        nothing += ", and nobody need be"
    table = columns(rows, ("TYPE", "NAME", "ID"))
    show(options, [_shown_assignment(each, name) for each, name in found], table if found else nothing)


async def _add(options: argparse.Namespace) -> Application:
    async with opened_store(settings_from(options), create=True) as store:
        instance = await chosen_instance(options, store)
        bare = applications.new_application(instance, name=options.name, now=now())
        application = await with_options(options, bare, store, instance)
        await create(store, application, f"there is an application {application.name!r} already")
        return application


async def _update(options: argparse.Namespace) -> Application:
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        changed = await with_options(options, application, store, await _instance_of(store, application))
        await replace(store, application, changed)
        return changed


async def _list(options: argparse.Namespace) -> list[Application]:
    async with opened_store(settings_from(options)) as store:
        return sorted(await store.list_configuration(Application), key=lambda application: application.name)


async def _find(options: argparse.Namespace) -> Application:
    async with opened_store(settings_from(options)) as store:
        return await applications.find_by_name_or_arn(store, options.name)


async def _set_status(options: argparse.Namespace, status: Status) -> Application:
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        changed = msgspec.structs.replace(application, status=status)
        await replace(store, application, changed)
        return changed


async def _delete(options: argparse.Namespace) -> Application:
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        await remove(store, application)
        return application


async def _assign(options: argparse.Namespace) -> tuple[Application, ApplicationAssignment, str]:
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        assignment, name = await _named(options, application, store)
        await create(store, assignment, f"{name} is assigned to {application.name} already")
        return application, assignment, name


async def _unassign(options: argparse.Namespace) -> tuple[Application, ApplicationAssignment, str]:
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        assignment, name = await _named(options, application, store)
        if assignment not in await applications.assignments_of(store, application):
            raise CommandFailed(f"{name} is not assigned to {application.name}")
        await remove(store, assignment)
        return application, assignment, name


async def _instance_of(store: Store, application: Application) -> Instance:
    return next(each for each in await store.list_instances() if each.instance_id == application.instance_id)


async def _named(
    options: argparse.Namespace, application: Application, store: Store
) -> tuple[ApplicationAssignment, str]:
    """The assignment that the command line is about, and the name of whom."""
    instance = await _instance_of(store, application)
    if options.user is not None:
        user = await users.require_user(store, options.user, instance)
        return applications.assignment(application, PrincipalType.USER, user.user_id), user.user_name
    group = await groups.find_by_name_or_id(store, options.group, instance)
    return applications.assignment(application, PrincipalType.GROUP, group.group_id), group.display_name


async def _assignments(options: argparse.Namespace) -> tuple[Application, list[tuple[ApplicationAssignment, str]]]:
    """The assignments with the names of whom, groups first."""
    async with opened_store(settings_from(options)) as store:
        application = await applications.find_by_name_or_arn(store, options.name)
        names = {user.user_id: user.user_name for user in await store.list_users()}
        names |= {group.group_id: group.display_name for group in await store.list_configuration(Group)}
        found = [
            (each, names.get(each.principal_id, "?")) for each in await applications.assignments_of(store, application)
        ]
    return application, sorted(found, key=lambda pair: (pair[0].principal_type.value, pair[1]))


def _advice(application: Application) -> str:
    return _NOBODY_MAY.format(application.name)


def _grant_names(application: Application) -> str:
    grants = application.grants
    return ", ".join(name for name in grants.__struct_fields__ if getattr(grants, name) is not None) or "none"


def _shown(application: Application) -> dict[str, object]:
    """The actor policy as the JSON object that it is."""
    shown: dict[str, object] = msgspec.to_builtins(application)
    policy = application.actor_policy
    return shown | {"actor_policy": json.loads(policy) if policy else None}


def _shown_assignment(assignment: ApplicationAssignment, name: str) -> dict[str, object]:
    return {
        "application_arn": assignment.application_arn,
        "principal_type": assignment.principal_type.value,
        "principal_id": assignment.principal_id,
        "name": name,
    }


def _lines(application: Application) -> list[str]:
    grants = application.grants
    lines = [
        f"name                 {application.name}",
        f"arn                  {application.application_arn}",
        f"description          {application.description}".rstrip(),
        f"status               {application.status.value}",
        f"assignment required  {'yes' if application.assignment_required else 'no'}",
        f"grants               {_grant_names(application)}",
        f"added                {utc(application.created_at)}",
    ]
    if code := grants.authorization_code:
        lines += [f"redirect URI         {uri}" for uri in code.redirect_uris]
        lines += [f"PKCE required        {'yes' if code.pkce_required else 'no'}"]
    for trusted in grants.jwt_bearer.authorized_token_issuers if grants.jwt_bearer else ():
        audiences = ", ".join(trusted.authorized_audiences)
        lines += [f"trusts               {trusted.trusted_token_issuer_arn} for {audiences}"]
    for scope in application.access_scopes:
        targets = f" for {', '.join(scope.authorized_targets)}" if scope.authorized_targets else ""
        lines += [f"scope                {scope.scope}{targets}"]
    if grants.token_exchange and grants.token_exchange.accepted_scopes:
        lines += [f"accepts              {', '.join(grants.token_exchange.accepted_scopes)}"]
    return [*lines, f"actor policy         {application.actor_policy or 'none: ' + _advice(application)}"]
