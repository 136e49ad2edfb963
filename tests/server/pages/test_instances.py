"""The pages of a server with several instances: each has its own addresses, its own people, and its own name."""

from urllib.parse import quote, urlencode

import pytest

from postern.core.directory.applications import new_application
from postern.core.directory.records import ApplicationGrants, AuthorizationCodeOptions
from postern.core.records import DeviceStatus, Instance
from postern.core.start_urls import device_path, own_start_url, start_path
from postern.core.store import ConfigurationChange
from tests.server.pages.browsing import Answer, TestBrowser
from tests.server.pages.world import PASSWORD, REDIRECT_URI, World, authorize_path, open_world, sign_in

MOST_REDIRECTS = 5
APPLICATION_URI = "https://mywebapp.example/redirect"


@pytest.fixture
async def world() -> World:
    return await open_world(instance_name="Headquarters")


@pytest.fixture
async def outpost(world: World) -> Instance:
    """The other instance, with Bela in it. Ada is of the primary one."""
    instance = await world.add_instance("outpost")
    await world.add_user("bela", "Bela", instance)
    await world.add_user("ada")
    return instance


@pytest.fixture
def ada(world: World, outpost: Instance) -> TestBrowser:
    return world.browser()


@pytest.fixture
async def bela(world: World, outpost: Instance) -> TestBrowser:
    """A browser where Bela is signed in."""
    browser = world.browser()
    assert (await sign_in(browser, "bela", PASSWORD, start_path(outpost))).location == start_path(outpost)
    return browser


async def client_of(world: World, instance: Instance | None) -> str:
    """The authorization request of a client that names the instance, or none."""
    url = own_start_url(world.service.policy, instance) if instance else None
    return authorize_path((await world.register(issuer_url=url)).client_id)


async def application_of(world: World, instance: Instance) -> str:
    """The authorization request of an application of the instance that everybody may use."""
    grants = ApplicationGrants(authorization_code=AuthorizationCodeOptions(redirect_uris=(APPLICATION_URI,)))
    application = new_application(
        instance, name=f"reports of {instance.name}", now=world.service.now(), grants=grants, assignment_required=False
    )
    await world.store.change_configuration(ConfigurationChange(create=(application,)))
    return authorize_path(application.application_arn, redirect_uri=APPLICATION_URI, scopes=None)


async def address(world: World, page: str, instance: Instance) -> str:
    """An address that only people of the instance have any business at."""
    if page == "client":
        return await client_of(world, instance)
    if page == "application":
        return await application_of(world, instance)
    if page == "device":
        started = await world.start_device(instance=instance)
        return f"{device_path(instance)}?{urlencode({'user_code': started.user_code or ''})}"
    return start_path(instance)


async def arrive(browser: TestBrowser, url: str) -> Answer:
    """Where redirects end."""
    answer = await browser.get(url)
    for _ in range(MOST_REDIRECTS):
        if answer.status != 303:
            return answer
        answer = await browser.follow(answer)
    pytest.fail("redirects do not end")


every_page = pytest.mark.parametrize("page", ["start", "device", "client", "application"])


@every_page
async def test_the_sign_in_page_shows_the_instance_and_signs_its_people_in(
    world: World, outpost: Instance, ada: TestBrowser, page: str
) -> None:
    for instance, user_name, shown in ((outpost, "bela", "outpost"), (world.service.instance, "ada", "Headquarters")):
        url, browser = await address(world, page, instance), world.browser()
        form = await arrive(browser, url)
        assert (form.heading, shown in form.text) == ("Sign in", True)
        answer = await browser.post("/sign-in", form.form("/sign-in") | {"username": user_name, "password": PASSWORD})
        assert answer.location == url
        landed = await browser.follow(answer)
        assert landed.status == 200
        assert shown in landed.text


@every_page
async def test_people_of_another_instance_are_not_signed_in_there(
    world: World, outpost: Instance, ada: TestBrowser, page: str
) -> None:
    form = await arrive(ada, await address(world, page, outpost))
    answer = await ada.post("/sign-in", form.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert (answer.status, answer.header("set-cookie") is None) == (403, False)
    assert "The username or the password is wrong." in answer.text
    assert "outpost" in answer.text


@every_page
async def test_a_browser_of_another_instance_is_asked_to_sign_in(
    world: World, outpost: Instance, bela: TestBrowser, page: str
) -> None:
    form = await arrive(bela, await address(world, page, world.service.instance))
    assert form.heading == "Sign in"
    answer = await bela.post("/sign-in", form.form("/sign-in") | {"username": "ada", "password": PASSWORD})
    assert (await bela.follow(answer)).status == 200
    assert (await arrive(bela, start_path(outpost))).heading == "Sign in"


async def test_a_client_that_names_no_instance_is_for_whoever_is_signed_in(
    world: World, outpost: Instance, bela: TestBrowser
) -> None:
    page = await arrive(bela, await client_of(world, None))
    assert page.heading == "Approve this application?"
    assert "outpost" in page.text
    answer = await bela.post("/authorize", page.form("/authorize") | {"decision": "approve"})
    assert answer.location.startswith(REDIRECT_URI)
    assert "code=" in answer.location


async def test_a_client_that_names_no_instance_asks_the_people_of_the_primary_one(
    world: World, ada: TestBrowser
) -> None:
    form = await arrive(ada, await client_of(world, None))
    assert "Headquarters" in form.text


@pytest.mark.parametrize("name", ["client%5Fid", "%63lient_id"])
async def test_an_odd_spelling_of_the_client_makes_no_loop(
    world: World, outpost: Instance, bela: TestBrowser, name: str
) -> None:
    url = (await client_of(world, world.service.instance)).replace("client_id", name)
    assert (await arrive(bela, url)).heading == "Sign in"


async def test_a_decision_by_a_browser_of_another_instance_is_not_taken(
    world: World, outpost: Instance, ada: TestBrowser, bela: TestBrowser
) -> None:
    """Between page and decision somebody else signed in."""
    page = await arrive(bela, await client_of(world, outpost))
    await sign_in(bela, "ada", PASSWORD, "/start")
    answer = await bela.post("/authorize", page.form("/authorize") | {"decision": "approve"})
    assert answer.location.startswith("/sign-in?next=/authorize")


# Devices


async def test_a_device_of_an_instance_from_its_code_to_its_approval(
    world: World, outpost: Instance, bela: TestBrowser
) -> None:
    started = await world.start_device(instance=outpost)
    path = device_path(outpost)
    entry = await bela.get(path)
    answer = await bela.post(path, entry.form(path) | {"user_code": started.user_code or ""})
    assert answer.location == f"{path}?user_code={started.user_code}"
    confirm = await bela.follow(answer)
    answer = await bela.post(f"{path}/decision", confirm.form(f"{path}/decision") | {"decision": "approve"})
    assert answer.location == f"{path}/done?outcome=approved"
    done = await bela.follow(answer)
    assert (done.heading, "outpost" in done.text) == ("Approved", True)
    (device,) = world.devices()
    assert device.status is DeviceStatus.APPROVED


@pytest.mark.parametrize("of_another", [True, False])
async def test_a_code_of_another_instance_is_answered_as_an_unknown_one(
    world: World, outpost: Instance, ada: TestBrowser, bela: TestBrowser, of_another: bool
) -> None:
    await sign_in(ada, "ada", PASSWORD)
    unknown = "BBBB-BBBB"
    for browser, own, other in ((ada, world.service.instance, outpost), (bela, outpost, world.service.instance)):
        code = (await world.start_device(instance=other)).user_code or "" if of_another else unknown
        path = device_path(own)
        opened = await browser.get(f"{path}?user_code={code}")
        typed = await browser.post(path, (await browser.get(path)).form(path) | {"user_code": code})
        for answer in (opened, typed):
            assert answer.status == 400
            assert "No device waits for this code." in answer.text


async def test_a_code_does_not_say_which_instance_is_meant(world: World, outpost: Instance, ada: TestBrowser) -> None:
    """Before sign-in nobody counts the guesses."""
    code = (await world.start_device(instance=outpost)).user_code or ""
    pages = [await arrive(ada, f"/device?user_code={text}") for text in (code, "BBBB-BBBB")]
    assert pages[0].text == pages[1].text
    assert "Headquarters" in pages[0].text


# Addresses


@pytest.mark.parametrize("room", ["start", "device"])
@pytest.mark.parametrize("named", ["ssoins-0000000000000000", "outpost", "ssoins-", "ssoins-..", "the primary one"])
async def test_an_instance_that_there_is_none_of_has_no_pages(
    world: World, outpost: Instance, bela: TestBrowser, room: str, named: str
) -> None:
    instance_id = world.service.instance.instance_id if named == "the primary one" else named
    for browser in (bela, world.browser()):
        assert (await browser.get(f"/{room}/{instance_id}")).status == 404


@pytest.mark.parametrize("room", ["start", "device"])
async def test_nobody_is_asked_to_sign_in_to_an_instance_that_there_is_none_of(
    world: World, outpost: Instance, room: str
) -> None:
    browser = world.browser()
    target = quote(f"/{room}/ssoins-0000000000000000", safe="")
    page = await browser.get(f"/sign-in?next={target}")
    assert page.status == 404
    good = (await browser.get("/sign-in")).form("/sign-in")
    credentials = {"username": "ada", "password": PASSWORD, "next": f"/{room}/ssoins-0000000000000000"}
    answer = await browser.post("/sign-in", good | credentials)
    assert (answer.status, world.remembered()["BrowserSession"]) == (404, {})


@pytest.mark.parametrize(
    "target",
    [
        "/start/ssoins-{id}/../../evil",
        "/start//evil.example",
        "/start/ssoins-1/evil",
        "/device/ssoins-1\\evil",
        "/device/ssoins-1@evil.example",
        "/device/ssoins-" + "1" * 33,
        "/device/ssoins-1/decision",
        "/device/decision",
        "/authorize/ssoins-1",
    ],
)
async def test_next_never_leads_off_the_known_pages(world: World, ada: TestBrowser, target: str) -> None:
    assert (await sign_in(ada, "ada", PASSWORD, target)).location == "/start"


async def test_signing_out_leads_back_to_the_same_instance(world: World, outpost: Instance, bela: TestBrowser) -> None:
    start = await bela.get(start_path(outpost))
    page = await bela.follow(await bela.post("/sign-out", start.form("/sign-out")))
    assert "outpost" in page.text
    links = [link.get("href", "") for link in page.document.iter("a")]
    assert links == [f"/sign-in?next={start_path(outpost)}"]
    assert (await bela.get(links[0])).heading == "Sign in"


async def test_people_of_an_instance_see_its_name_and_their_own_accounts_page(
    world: World, outpost: Instance, bela: TestBrowser
) -> None:
    page = await bela.get(start_path(outpost))
    assert "outpost" in page.text
    assert "Headquarters" not in page.text
    hrefs = {link.get("href", "") for link in page.document.iter("a")}
    assert start_path(outpost) in hrefs
    assert not hrefs & {"/start", "/device"}
