"""All other sign-ins of a person, ended at once."""

from postern.api.errors import InvalidGrantException
from postern.core import sign_in
from postern.core.audit import EventName
from postern.core.end_sign_in import end_all_others
from tests.core.world import PASSWORD, PHONE, World, present, refused


async def test_all_others_end_and_this_browser_stays(world: World) -> None:
    client = await world.register()
    token = await world.signed_in(client)
    secrets = [
        await sign_in.sign_in(world.service, user_name="Mira", password=PASSWORD, caller=PHONE, replaces=None)
        for _ in range(2)
    ]
    here, elsewhere = [present(await sign_in.find_session(world.service, secret)) for secret in secrets]
    await end_all_others(world.service, here, PHONE)
    assert await sign_in.find_session(world.service, secrets[0]) == here
    assert await sign_in.find_session(world.service, secrets[1]) is None
    assert elsewhere.user == here.user
    assert [event.event_name for event in world.events[-2:]] == [EventName.LOGOUT, EventName.SIGN_OUT]
    assert world.events[-2].client_name == "botocore-client-demo"
    with refused(InvalidGrantException):
        await world.refresh(client, present(token.refresh_token))
