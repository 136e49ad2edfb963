"""Connecting a device: entry, comparison, decision; nothing is approved that was not meant to be."""

import pytest

from postern.core.caller import Caller
from postern.core.records import DeviceStatus
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.world import World


async def confirm_page(browser: TestBrowser, user_code: str) -> Answer:
    page = await browser.get(f"/device?user_code={user_code}")
    assert page.heading == "Approve this device?", page.text
    return page


async def decide(browser: TestBrowser, page: Answer, decision: str, **changes: str) -> Answer:
    return await browser.post("/device/decision", page.form("/device/decision") | {"decision": decision} | changes)


async def test_a_code_is_entered_compared_and_approved(world: World) -> None:
    browser = await world.signed_in()
    user_code = await world.user_code()
    entry = await browser.get("/device")
    answer = await browser.post("/device", entry.form("/device") | {"user_code": user_code})
    assert answer.location == f"/device?user_code={user_code}"
    done = await browser.follow(await decide(browser, await browser.follow(answer), "approve"))
    assert done.heading == "Approved"
    (device,) = world.devices()
    assert device.status is DeviceStatus.APPROVED


@pytest.mark.parametrize("spelling", ["{}", " {} ", "lower", "no dash", "spaced", "dots"])
async def test_entry_forgives_case_dashes_and_spaces(world: World, spelling: str) -> None:
    browser = await world.signed_in()
    user_code = await world.user_code()
    typed = {
        "lower": user_code.lower(),
        "no dash": user_code.replace("-", ""),
        "spaced": " ".join(user_code),
        "dots": user_code.replace("-", "."),
    }.get(spelling, spelling.format(user_code))
    entry = await browser.get("/device")
    answer = await browser.post("/device", entry.form("/device") | {"user_code": typed})
    assert answer.location == f"/device?user_code={user_code}"


async def test_opening_the_complete_address_decides_nothing(world: World) -> None:
    browser = await world.signed_in()
    device = await world.start_device()
    before = world.remembered()
    for _ in range(3):
        page = await browser.get(device.verification_uri_complete or "")
        assert page.heading == "Approve this device?"
        assert (device.user_code or "-") in page.text
        await browser.request("HEAD", device.verification_uri_complete or "")
    assert world.remembered() == before


async def test_the_page_shows_who_asks_from_where_when_and_for_what(world: World) -> None:
    browser = await world.signed_in()
    caller = Caller(address="198.51.100.7", user_agent="aws-cli/2.31.0 md/awscrt")
    user_code = await world.user_code("Evil but honest", caller)
    world.pass_time(125)
    text = (await confirm_page(browser, user_code)).text
    assert "Evil but honest" in text
    assert "Name not verified" in text
    assert "198.51.100.7" in text
    assert "aws-cli/2.31.0" in text
    assert "2 minutes ago (2025-10-09 08:53 UTC)" in text
    assert "Use the accounts and roles that are assigned to you" in text
    assert "another network address" in text
    assert "Approve only if you started this yourself" in text


async def test_a_request_from_the_same_address_is_told_apart(world: World) -> None:
    browser = await world.signed_in()
    text = (await confirm_page(browser, await world.user_code())).text
    assert "same as this browser" in text
    assert "another network address" not in text


async def test_consent_is_asked_even_without_scopes_and_says_what_is_given(world: World) -> None:
    browser = await world.signed_in()
    device = await world.start_device(scopes=None)
    page = await confirm_page(browser, device.user_code or "")
    assert "Use the accounts and roles that are assigned to you" in page.text


async def test_deny_is_as_easy_as_approve(world: World) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    buttons = [button.get("value") for button in page.document.iter("button") if button.get("name") == "decision"]
    assert buttons == ["deny", "approve"]
    assert (await browser.follow(await decide(browser, page, "deny"))).heading == "Denied"
    assert world.devices()[0].status is DeviceStatus.DENIED


@pytest.mark.parametrize("decision, heading", [("approve", "Approved"), ("deny", "Denied")])
async def test_a_double_click_ends_on_the_same_page(world: World, decision: str, heading: str) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    for _ in range(3):
        assert (await browser.follow(await decide(browser, page, decision))).heading == heading


@pytest.mark.parametrize("first, second", [("approve", "deny"), ("deny", "approve")])
async def test_the_first_decision_stands(world: World, first: str, second: str) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    await decide(browser, page, first)
    status = world.devices()[0].status
    assert (await browser.follow(await decide(browser, page, second))).heading == "Already answered"
    assert world.devices()[0].status is status


async def test_what_another_person_approved_is_not_called_my_approval(world: World) -> None:
    ada, bob = await world.signed_in(), await world.signed_in("bob")
    user_code = await world.user_code()
    mine, theirs = await confirm_page(ada, user_code), await confirm_page(bob, user_code)
    await decide(bob, theirs, "approve")
    assert (await ada.follow(await decide(ada, mine, "approve"))).heading == "Already answered"


async def test_an_approval_for_one_code_does_not_approve_another(world: World) -> None:
    browser = await world.signed_in()
    seen, other = await world.user_code(), await world.user_code()
    answer = await decide(browser, await confirm_page(browser, seen), "approve", user_code=other)
    assert answer.status == 403
    assert {device.status for device in world.devices()} == {DeviceStatus.PENDING}


async def test_an_approval_of_one_person_is_not_replayed_by_another(world: World) -> None:
    ada, bob = await world.signed_in(), await world.signed_in("bob")
    user_code = await world.user_code()
    approval = (await confirm_page(bob, user_code)).form("/device/decision")["approval"]
    answer = await decide(ada, await confirm_page(ada, user_code), "approve", approval=approval)
    assert answer.status == 403
    assert world.devices()[0].status is DeviceStatus.PENDING


async def test_an_approval_dies_with_the_browser_session_that_saw_the_page(world: World) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    later = await world.signed_in()
    csrf = (await later.get("/start")).form("/sign-out")["csrf"]
    assert (await decide(later, page, "approve")).status == 403
    assert (await decide(later, page, "approve", csrf=csrf)).status == 403
    assert world.devices()[0].status is DeviceStatus.PENDING


@pytest.mark.parametrize("decision", ["", "yes", "APPROVE", "approve "])
async def test_only_approve_and_deny_are_decisions(world: World, decision: str) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    assert (await decide(browser, page, decision)).status == 400
    assert world.devices()[0].status is DeviceStatus.PENDING


async def test_a_code_that_expired_before_the_decision_says_so(world: World) -> None:
    browser = await world.signed_in()
    page = await confirm_page(browser, await world.user_code())
    world.pass_time(world.service.policy.lifetimes.device_code)
    done = await browser.follow(await decide(browser, page, "approve"))
    assert done.heading == "This code has expired"
    assert world.devices()[0].status is DeviceStatus.PENDING


async def test_unknown_expired_and_used_codes_get_the_same_answer(world: World) -> None:
    browser = await world.signed_in()
    used = await world.user_code()
    await decide(browser, await confirm_page(browser, used), "approve")
    expired = await world.user_code()
    answers = [await browser.get(f"/device?user_code={code}") for code in ("BCDF-GHJK", used)]
    world.pass_time(world.service.policy.lifetimes.device_code)
    answers.append(await browser.get(f"/device?user_code={expired}"))
    assert {answer.status for answer in answers} == {400}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("nonsense", ["x", "BCDF-GHJ", "AEIO-UYYY", "🦆" * 8, "BCDF-GHJK-LMNP", "é"])
async def test_what_cannot_be_a_code_is_answered_like_a_wrong_one(world: World, nonsense: str) -> None:
    browser = await world.signed_in()
    entry = await browser.get("/device")
    answer = await browser.post("/device", entry.form("/device") | {"user_code": nonsense})
    assert answer.status == 400
    assert answer.form("/device")["user_code"] == nonsense


async def test_after_five_wrong_codes_a_person_waits(world: World) -> None:
    browser = await world.signed_in()
    form = (await browser.get("/device")).form("/device")
    wrong = form | {"user_code": "BCDF-GHJK"}
    assert [(await browser.post("/device", wrong)).status for _ in range(6)] == [400] * 5 + [429]
    user_code = await world.user_code()
    answer = await browser.post("/device", form | {"user_code": user_code})
    assert answer.status == 429
    assert answer.header("retry-after") == "60"
    assert "Wait 1 minute" in answer.text
    world.pass_time(60)
    assert (await browser.post("/device", form | {"user_code": user_code})).status == 303


async def test_a_right_code_costs_no_guess_however_often_the_page_is_loaded(world: World) -> None:
    browser = await world.signed_in()
    user_code = await world.user_code()
    for _ in range(20):
        await confirm_page(browser, user_code)


async def test_a_link_on_another_site_cannot_spend_the_guesses_of_a_person(world: World) -> None:
    browser = await world.signed_in()
    for _ in range(10):
        page = await browser.get("/device?user_code=BCDF-GHJK", {"sec-fetch-site": "cross-site"})
        assert (page.status, page.heading) == (200, "Connect a device")
        assert page.form("/device")["user_code"] == "BCDF-GHJK"
    user_code = await world.user_code()
    page = await browser.get(f"/device?user_code={user_code}", {"sec-fetch-site": "cross-site"})
    answer = await browser.post("/device", page.form("/device"))
    assert (await browser.follow(answer)).heading == "Approve this device?"


async def test_nobody_looks_codes_up_without_signing_in(world: World) -> None:
    browser = world.browser()
    right, wrong = await world.user_code(), "BCDF-GHJK"
    for code in (right, wrong):
        answer = await browser.get(f"/device?user_code={code}")
        assert answer.location == f"/sign-in?next=/device%3Fuser_code%3D{code}"
    assert (await browser.post("/device", {"user_code": right})).location.startswith("/sign-in?next=/device%3F")
    answer = await browser.post("/device/decision", {"user_code": right, "decision": "approve"})
    assert answer.location.startswith("/sign-in?next=/device%3F")
    assert world.devices()[0].status is DeviceStatus.PENDING


@pytest.mark.parametrize("outcome", ["", "x", "<script>", "approved "])
async def test_an_invented_outcome_has_no_page(world: World, outcome: str) -> None:
    browser = await world.signed_in()
    assert (await browser.get(f"/device/done?outcome={outcome}")).status == 404


async def test_no_secret_stands_in_an_address(world: World) -> None:
    browser = await world.signed_in()
    device = await world.start_device()
    page = await confirm_page(browser, device.user_code or "")
    answer = await decide(browser, page, "approve")
    assert answer.location == "/device/done?outcome=approved"
    assert (device.device_code or "").encode() not in page.body
