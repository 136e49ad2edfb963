"""A mix of calls as a server gets them: refreshes above all, polls, device starts, registrations, the portal, pages."""

import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import msgspec

from postern.testing.faults.nodes import PASSWORD, PERSON, Nodes
from postern.testing.hostile.lanes import Call, request
from postern.testing.wire import DEVICE_CODE, REFRESH_TOKEN, Connection, PersonAtBrowser, WireClient

# So that nothing but having too much to do makes the server refuse.
SETTINGS = {"POSTERN_DEVICE__POLL_BURST": "1000000", "POSTERN_LIMITS__PORTAL_PER_MINUTE": "0"}
_JSON = {"Content-Type": "application/json", "User-Agent": "aws-cli/2.36.7"}
_PENDING = b"AuthorizationPendingException"
_CODES = 50
_ACCOUNTS = 10
ACCOUNT, ROLE = "111122223333", "ReadOnly"


class Mix:
    """Gives one call after the other. Refresh tokens travel one at a time each: the successor is the next to be sent,
    and one that was refused is sent again. Codes that are polled for and access tokens are the newest ones.
    """

    def __init__(self, nodes: Nodes, sign_ins: int, chance: random.Random) -> None:
        self.device_starts = 0
        self._chance = chance
        self._tokens: list[str] = []
        self._bearers: deque[str] = deque(maxlen=sign_ins)
        self._codes: deque[tuple[float, str]] = deque(maxlen=_CODES)
        _assign(nodes)
        with contextlib.closing(Connection(nodes.ports[0], timeout=30)) as connection:
            client = WireClient(connection, f"{nodes.url}/start")
            person = PersonAtBrowser(connection, PERSON, PASSWORD)
            for _ in range(sign_ins):
                self._keep(_sign_in(client, person))
        self._role = f"/federation/credentials?{urlencode({'role_name': ROLE, 'account_id': ACCOUNT})}"
        self._credentials = client.credentials
        self._start = _call(
            "device start", "/device_authorization", {**client.credentials, "startUrl": client.start_url}
        )._replace(heard=self._started)
        self._register = _call("register", "/client/register", {"clientName": "load", "clientType": "public"})
        self._page = Call("page", request("GET", "/sign-in"))
        self._kinds: Sequence[Callable[[], Call]] = (
            *[self._refresh] * 6,
            *[self._poll] * 4,
            *[lambda: self._start] * 2,
            *[lambda: self._register] * 1,
            *[self._credentials_of_role] * 4,
            *[self._accounts] * 2,
            *[lambda: self._page] * 1,
        )

    def next(self) -> Call:
        return self._chance.choice(self._kinds)()

    def _refresh(self) -> Call:
        """A poll, if all tokens are under way."""
        if not self._tokens:
            return self._poll()
        token = self._tokens.pop()

        def heard(is_good: bool, answer: bytes) -> None:
            if is_good:
                self._keep(_members(answer))
            else:
                self._tokens.append(token)

        members = {**self._credentials, "grantType": REFRESH_TOKEN, "refreshToken": token}
        return _call("refresh", "/token", members)._replace(heard=heard)

    def _poll(self) -> Call:
        """For a code that has not expired; a device start, if there is none."""
        while self._codes and self._codes[0][0] < time.monotonic():
            self._codes.popleft()
        if not self._codes:
            return self._start
        _, code = self._chance.choice(self._codes)
        members = {**self._credentials, "grantType": DEVICE_CODE, "deviceCode": code}
        return _call("poll", "/token", members)._replace(status=400, error=_PENDING)

    def _accounts(self) -> Call:
        return Call("accounts", request("GET", "/assignment/accounts", self._bearer()))

    def _credentials_of_role(self) -> Call:
        return Call("role credentials", request("GET", self._role, self._bearer()))

    def _bearer(self) -> dict[str, str]:
        return {"x-amz-sso_bearer_token": self._chance.choice(self._bearers)}

    def _keep(self, tokens: dict[str, str]) -> None:
        self._tokens.append(tokens["refreshToken"])
        self._bearers.append(tokens["accessToken"])

    def _started(self, is_good: bool, answer: bytes) -> None:
        if is_good:
            self.device_starts += 1
            members = _members(answer)
            self._codes.append((time.monotonic() + int(members["expiresIn"]) / 2, members["deviceCode"]))


def _assign(nodes: Nodes) -> None:
    """Some accounts, in each of which the person may be `ROLE`."""
    accounts = [f"{number:012d}" for number in range(int(ACCOUNT), int(ACCOUNT) + _ACCOUNTS)]
    tables = [f'[[account]]\naccount_id = "{account}"\nname = "Account {account}"\n' for account in accounts]
    tables.append(f'[[permission_set]]\nname = "{ROLE}"\n')
    assignment = f"accounts = {accounts}\npermission_sets = ['{ROLE}']\nusers = ['{PERSON}']\n"
    file = nodes.log(0).with_name("directory.toml")
    file.write_text("".join([*tables, "[[assignment]]\n", assignment]), "utf-8")
    nodes.run("apply", str(file))


def _sign_in(client: WireClient, person: PersonAtBrowser) -> dict[str, str]:
    started = client.start()
    assert person.decide(started["userCode"]), "an approval was refused"
    return client.redeem(started["deviceCode"]).members


def _call(kind: str, path: str, members: dict[str, str]) -> Call:
    return Call(kind, request("POST", path, _JSON, msgspec.json.encode(members)))


def _members(answer: bytes) -> dict[str, str]:
    members: dict[str, str] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    return members
