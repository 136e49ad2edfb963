"""F7, F8 and F9: the same secret at the same moment on two nodes, and refreshing while the sign-in ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

from postern.testing.faults.approvals import Approver, approver
from postern.testing.faults.kills import require_sound
from postern.testing.faults.nodes import PERSON, Nodes, running
from postern.testing.faults.racing import RawConnection, at_once, bearer_request, json_request, racers
from postern.testing.faults.trial import Trial
from postern.testing.wire import DEVICE_CODE, REFRESH_TOKEN, SCOPES, Answer

LANES = 4
_OK = 200
_LATEST_DELAY = 0.004


class World:
    """What races are run with: registered clients, an approver, lanes of connections to all nodes."""

    def __init__(self, trial: Trial, nodes: Nodes, approver: Approver, lanes: list[list[RawConnection]]) -> None:
        self.trial = trial
        self.nodes = nodes
        self.approver = approver
        self.lanes = lanes
        self.credentials: dict[str, object] = {}

    async def register(self) -> None:
        request = json_request("/client/register", clientName="racer", clientType="public", scopes=SCOPES)
        answer = (await self.lanes[0][0].send(request)).members
        self.credentials = {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}

    def redeeming(self, device_code: str) -> bytes:
        return json_request("/token", **self.credentials, grantType=DEVICE_CODE, deviceCode=device_code)

    def refreshing(self, refresh_token: str) -> bytes:
        return json_request("/token", **self.credentials, grantType=REFRESH_TOKEN, refreshToken=refresh_token)

    async def begun(self, count: int, by: str = PERSON) -> list[str]:
        """Device codes that ``by`` approved."""
        request = json_request("/device_authorization", **self.credentials, startUrl=f"{self.nodes.url}/start")
        codes: list[dict[str, str]] = []
        todo = iter(range(count))

        async def begin(connection: RawConnection) -> None:
            for _ in todo:
                codes.append((await connection.send(request)).members)  # noqa: PERF401 - each waits

        await asyncio.gather(*(begin(connection) for lane in self.lanes for connection in lane))
        await self.approver.approve([code["userCode"] for code in codes], by)
        return [code["deviceCode"] for code in codes]

    async def each(self, items: list[str], race: Callable[[list[RawConnection], str], Awaitable[None]]) -> None:
        """Races for all items, as many at once as there are lanes."""
        todo, done = iter(items), 0

        async def run(lane: list[RawConnection]) -> None:
            nonlocal done
            for item in todo:
                await race(lane, item)
                done += 1
                self.trial.say(f"{done:,} of {len(items):,} races")

        await asyncio.gather(*(run(lane) for lane in self.lanes))


def run_world(
    trial: Trial, run: Callable[[World], Awaitable[None]], *, people: Iterable[str] = (), count: int = 2
) -> None:
    """``count`` nodes, and a world around them. The people are there beside `PERSON`."""
    nodes = Nodes(trial, count)

    async def main() -> None:
        count = trial.dose.clients
        async with approver(trial, nodes) as by, racers(nodes.ports, LANES * count) as connections:
            lanes = [connections[number * count : (number + 1) * count] for number in range(LANES)]
            world = World(trial, nodes, by, lanes)
            await world.register()
            await run(world)

    with running(nodes):
        for name in people:
            nodes.add_person(name)
        asyncio.run(main())
    require_sound(trial)


def redeem_at_once(trial: Trial) -> None:
    """F7. However many redeem a code at once, it makes one token family, and all are told of that one."""
    run_world(trial, _redeem_at_once)


async def _redeem_at_once(world: World) -> None:
    trial = world.trial
    codes = await world.begun(trial.dose.items)

    async def one(lane: list[RawConnection], code: str) -> None:
        _require_identical(trial, await at_once(lane, world.redeeming(code)), "device code")

    began = time.monotonic()
    await world.each(codes, one)
    _note_rate(trial, len(codes), began)
    families = trial.store.number("SELECT count(*) FROM token_family")
    if families != len(codes):
        trial.findings.is_double_spent(f"{len(codes):,} device codes made {families:,} token families")


def refresh_at_once(trial: Trial) -> None:
    """F8. However many present a refresh token at once, it has one successor."""
    run_world(trial, _refresh_at_once)


async def _refresh_at_once(world: World) -> None:
    trial = world.trial
    latest: list[str] = []

    async def sign_in(lane: list[RawConnection], code: str) -> None:
        latest.append((await lane[0].send(world.redeeming(code))).members["refreshToken"])

    async def one(lane: list[RawConnection], refresh_token: str) -> None:
        _require_identical(trial, await at_once(lane, world.refreshing(refresh_token)), "refresh token")

    await world.each(await world.begun(trial.dose.items), sign_in)
    began = time.monotonic()
    await world.each(latest, one)
    _note_rate(trial, len(latest), began)
    rotated = trial.store.number("SELECT count(*) FROM token_family WHERE generation = 1 AND revoked_at IS NULL")
    if rotated != len(latest):
        trial.findings.is_double_spent(f"{len(latest):,} refresh tokens were rotated once in {rotated:,} families")


def _require_identical(trial: Trial, answers: list[Answer], what: str) -> None:
    findings = trial.findings
    findings.acknowledge(1)
    findings.server_errors += sum(answer.status >= 500 for answer in answers)
    refused = [answer for answer in answers if answer.status != _OK]
    for answer in refused:
        findings.fault(f"one of several with the same {what} was answered {answer.status} {answer.error}")
    pairs = {
        (answer.members["accessToken"], answer.members["refreshToken"]) for answer in answers if answer.status == _OK
    }
    if len(pairs) > 1:
        findings.is_double_spent(f"a {what} led to {len(pairs)} different answers")


def _note_rate(trial: Trial, races: int, began: float) -> None:
    seconds = time.monotonic() - began
    trial.findings.notes.append(f"{races * trial.dose.clients / seconds:,.0f} requests/s")


def refresh_while_it_ends(trial: Trial) -> None:
    """F9. Half of the sign-ins are logged out, half of the people are disabled, while others refresh."""
    run_world(trial, _refresh_while_it_ends, people=_people())


def _people() -> Iterator[str]:
    return (f"racer{number}" for number in range(LANES))


async def _refresh_while_it_ends(world: World) -> None:
    people = dict(zip(map(id, world.lanes), _people(), strict=True))
    half = world.trial.dose.items // 2

    async def log_out(lane: list[RawConnection], code: str) -> None:
        members = (await lane[0].send(world.redeeming(code))).members
        request = bearer_request("POST", "/logout", members["accessToken"])

        async def end() -> None:
            answer = await lane[0].send(request)
            world.trial.findings.require(answer.status == _OK, f"a logout was answered {answer.status} {answer.error}")

        await _end_while_refreshing(world, lane, members, end)

    async def disable(lane: list[RawConnection], _: str) -> None:
        name = people[id(lane)]
        code = await _begun_on(world, lane[0], name)
        members = (await lane[0].send(world.redeeming(code))).members
        await _end_while_refreshing(world, lane, members, lambda: world.approver.set_enabled(name, False))
        await world.approver.set_enabled(name, True)

    await world.each(await world.begun(half), log_out)
    await world.each(["disabled"] * (world.trial.dose.items - half), disable)


async def _begun_on(world: World, connection: RawConnection, by: str) -> str:
    request = json_request("/device_authorization", **world.credentials, startUrl=f"{world.nodes.url}/start")
    begun = (await connection.send(request)).members
    await world.approver.approve([begun["userCode"]], by)
    return begun["deviceCode"]


async def _end_while_refreshing(
    world: World, lane: list[RawConnection], members: dict[str, str], end: Callable[[], Awaitable[None]]
) -> None:
    """Whatever the refreshes got is dead once the end has been told, also what is told later than that."""
    findings, chance = world.trial.findings, world.trial.random
    told = [members]

    async def refresh() -> None:
        """Round by round, all with the same token: one that is older than the last would end the sign-in by itself."""
        latest, answers = members["refreshToken"], list[Answer]()
        while all(answer.status == _OK for answer in answers):
            answers = await at_once(lane[1:], world.refreshing(latest))
            good = [answer.members for answer in answers if answer.status == _OK]
            told.extend(good[:1])
            latest = good[0]["refreshToken"] if good else latest

    async def end_soon() -> None:
        await asyncio.sleep(chance.uniform(0, _LATEST_DELAY))
        await end()

    await asyncio.gather(end_soon(), refresh())
    findings.acknowledge(len(told))
    for number, each in enumerate(told):
        connection = lane[number % len(lane)]
        refreshed = await connection.send(world.refreshing(each["refreshToken"]))
        shown = await connection.send(bearer_request("GET", "/assignment/accounts", each["accessToken"]))
        if _OK in (refreshed.status, shown.status):
            findings.is_double_spent("a token lives that was issued by a sign-in that has ended")
