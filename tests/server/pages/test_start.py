"""The way to the start page; one's own sign-ins, and their end."""

import msgspec

from postern.core.audit import EventName
from tests.server.pages.portal_world import person
from tests.server.pages.world import World


async def test_the_root_leads_to_the_start_page_and_that_to_sign_in(world: World) -> None:
    browser = world.browser()
    assert (await browser.get("/")).location == "/start"
    assert (await browser.get("/start")).location == "/sign-in?next=/start"


async def test_a_person_sees_their_own_live_sign_ins_only(world: World) -> None:
    browser = await world.signed_in()
    ada, bob = (
        await world.store.find_user_by_name(world.service.instance.instance_id, "ada"),
        await world.add_user("bob"),
    )
    assert ada
    await world.add_family(ada, 1, "tool of ada")
    await world.add_family(bob, 2, "tool of bob")
    ended = await world.add_family(ada, 3, "ended tool")
    await world.store.revoke_token_family(ended.family_id, "test", world.service.now())
    text = (await browser.get("/start/sign-ins")).text
    assert "tool of ada" in text
    assert "sso:account:access" in text
    assert "tool of bob" not in text
    assert "ended tool" not in text


async def test_a_person_ends_one_of_their_sign_ins(world: World) -> None:
    browser = await world.signed_in()
    ada = await world.store.find_user_by_name(world.service.instance.instance_id, "ada")
    assert ada
    await world.add_family(ada, 1, "first")
    await world.add_family(ada, 2, "second")
    second, first = (await browser.get("/start/sign-ins")).forms("/start/sign-ins/end")
    assert first["id"] not in ("1", "2")
    assert first["id"] != second["id"]
    for _ in range(2):
        assert (await browser.post("/start/sign-ins/end", first)).location == "/start/sign-ins"
    text = (await browser.get("/start/sign-ins")).text
    assert "second" in text
    assert "first" not in text
    assert [event.event_name for event in world.events].count(EventName.LOGOUT) == 1


async def test_nobody_ends_the_sign_in_of_another(world: World) -> None:
    ada, bob = await world.signed_in(), await world.signed_in("bob")
    user = await world.store.find_user_by_name(world.service.instance.instance_id, "ada")
    assert user
    family = await world.add_family(user)
    mine = (await ada.get("/start/sign-ins")).form("/start/sign-ins/end")
    csrf = (await bob.get("/start/sign-ins")).form("/sign-out")["csrf"]
    for named in (mine["id"], str(family.family_id), "", "x.y"):
        assert (await bob.post("/start/sign-ins/end", {"csrf": csrf, "id": named})).location == "/start/sign-ins"
    assert (await bob.post("/start/sign-ins/end", mine)).status == 403
    assert await world.store.find_token_family(family.family_id) == family


async def test_a_person_ends_all_others_at_once(world: World) -> None:
    browser, elsewhere = await world.signed_in(), await world.signed_in()
    await world.add_family(await person(world), 1, "first")
    await world.add_family(await person(world), 2, "second")
    form = (await browser.get("/start/sign-ins")).form("/start/sign-ins/end-others")
    answer = await browser.post("/start/sign-ins/end-others", form)
    text = (await browser.follow(answer)).text
    assert "No terminal or application is signed in as you." in text
    assert "This browser" in text
    assert (await elsewhere.get("/start")).location == "/sign-in?next=/start"
    assert [event.event_name for event in world.events].count(EventName.LOGOUT) == 2


async def test_a_sign_in_says_when_it_was_last_renewed_and_when_it_ends(world: World) -> None:
    browser = await world.signed_in()
    family = await world.add_family(await person(world))
    assert "Last renewed" not in (await browser.get("/start/sign-ins")).text
    renewed = msgspec.structs.replace(family, generation=1, rotated_at=family.rotated_at + 600)
    world.store._rows.update(renewed)
    world.pass_time(900)
    text = (await browser.get("/start/sign-ins")).text
    assert "Signed in 15 minutes ago (2025-10-09 08:53 UTC)" in text
    assert "Last renewed 5 minutes ago" in text
    assert "Good for 45 minutes, until 2025-10-09 09:53 UTC" in text
