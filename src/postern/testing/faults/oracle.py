"""The oracle: what clients were told, and after a fault the proof that all of it still holds.

An acknowledged secret works; a consumed one was the last of its kind: within the replay window it leads to the
identical successor, later to a refusal. What a client asked for and got no answer to may have happened or not, but not
twice.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from postern.testing.faults.journal import Journal
from postern.testing.faults.trial import Findings, Trial
from postern.testing.wire import Answer, Connection, PersonAtBrowser, WireClient

INVALID_GRANT = "InvalidGrantException"
_EXPIRED = "ExpiredTokenException"
_MARGIN = 1.5
_APPROVED = "303 /device/done?outcome=approved"
_OK = 200
_UNAUTHORIZED = 401


@dataclass
class SignIn:
    """What a client was told of one sign-in. ``asked`` is what it has got no good answer to, since ``asked_at``."""

    client: WireClient
    device_code: str
    refresh_token: str = ""
    access_token: str = ""
    consumed: list[str] = field(default_factory=list)
    moved_at: float = 0.0
    asked: str = ""
    asked_at: float = 0.0
    ended: bool = False

    @property
    def redeemed(self) -> bool:
        return bool(self.refresh_token)


class Oracle:
    """Every step of a sign-in goes through it; so does the proof. Several threads may take steps at once."""

    def __init__(self, journal: Journal, findings: Findings, trial: Trial) -> None:
        self._journal = journal
        self._findings = findings
        self._random = trial.random
        self._window = trial.dose.window
        self._fresh: list[SignIn] = []
        self._old: list[SignIn] = []

    # Steps of the load

    def begin(self, client: WireClient, person: PersonAtBrowser) -> SignIn | None:
        """An approved sign-in, or nothing if the approval was refused."""
        started = client.start()
        if "userCode" not in started:
            self._findings.fault(f"a device authorization was not started: {started.get('error')}")
            return None
        said = person.said_of(started["userCode"])
        if said != _APPROVED:
            self._findings.fault(f"an approval was answered {said}")
            return None
        sign_in = SignIn(client, started["deviceCode"])
        self._note(event="approved", device_code=sign_in.device_code)
        self._fresh.append(sign_in)
        return sign_in

    def redeem(self, sign_in: SignIn) -> bool:
        answer = self._ask(sign_in, "redeem", lambda: sign_in.client.redeem(sign_in.device_code))
        if not self._is_good(sign_in, answer, "an approved device code was refused"):
            return False
        self._moved(sign_in, answer, consumed=sign_in.device_code)
        return True

    def refresh(self, sign_in: SignIn) -> bool:
        answer = self._ask(sign_in, "refresh", lambda: sign_in.client.refresh(sign_in.refresh_token))
        if not self._is_good(sign_in, answer, "a latest refresh token was refused under load"):
            return False
        self._moved(sign_in, answer, consumed=sign_in.refresh_token)
        return True

    def acknowledge(self, sign_in: SignIn, answer: Answer) -> None:
        """A refresh that was sent elsewhere was answered."""
        self._moved(sign_in, answer, consumed=sign_in.refresh_token)

    def repeat(self, sign_in: SignIn) -> None:
        """The refresh token before, once more: within the window it has the successor that it had."""
        before, sent = sign_in.consumed[-1], time.time()
        if sent > sign_in.moved_at + self._window - _MARGIN:
            return
        answer = self._ask(sign_in, "repeat", lambda: sign_in.client.refresh(before))
        if answer.status != _OK:
            if time.time() < sign_in.moved_at + self._window:
                self._findings.fault(f"a repeated refresh was answered {answer.status} {answer.error}")
        elif answer.members["refreshToken"] != sign_in.refresh_token:
            self._findings.is_double_spent("a refresh token has two successors")

    def log_out(self, sign_in: SignIn) -> None:
        answer = self._ask(sign_in, "logout", lambda: sign_in.client.log_out(sign_in.access_token))
        # One that was tried again finds that the sign-in has ended already.
        if answer.status not in (_OK, _UNAUTHORIZED):
            self._findings.fault(f"a logout was answered {answer.status} {answer.error}")
            return
        self._note(event="ended", refresh_token=sign_in.refresh_token)
        sign_in.ended = True

    def _ask(self, sign_in: SignIn, what: str, call: Callable[[], Answer]) -> Answer:
        sign_in.asked, sign_in.asked_at = what, sign_in.asked_at or time.time()
        answer = call()
        if answer.status == _OK:
            sign_in.asked, sign_in.asked_at = "", 0.0
        return answer

    def _moved(self, sign_in: SignIn, answer: Answer, consumed: str) -> None:
        members = answer.members
        self._note(event="consumed", secret=consumed, refresh_token=members["refreshToken"])
        if sign_in.redeemed:
            sign_in.consumed.append(sign_in.refresh_token)
        sign_in.refresh_token, sign_in.access_token = members["refreshToken"], members["accessToken"]
        sign_in.moved_at = time.time()

    def _note(self, **entry: str) -> None:
        self._journal.note(**entry)
        self._findings.acknowledge(len(entry) - 1)

    def _is_good(self, sign_in: SignIn, answer: Answer, fault: str) -> bool:
        """A secret that was perhaps consumed may be refused when the answer came after its window: it is then taken for
        a stolen one.
        """
        was_late = sign_in.asked_at and time.time() > sign_in.asked_at + self._window
        if answer.status != _OK and not (was_late and answer.error == INVALID_GRANT):
            self._findings.is_lost(f"{fault}: {answer.status} {answer.error}")
        return answer.status == _OK

    def begun(self) -> list[SignIn]:
        """Since the last proof, as they are known now."""
        return list(self._fresh)

    # Proof

    def prove_latest(self, connection: Connection) -> None:
        """Of what was begun since the last proof. What was in flight comes first: its replay window is running."""
        fresh, self._fresh = self._fresh, []
        for sign_in in sorted(fresh, key=lambda each: not each.asked):
            sign_in.client = sign_in.client.over(connection)
            if sign_in.ended:
                self._prove_ended(sign_in)
            elif sign_in.asked == "logout":
                self._prove_one_state(sign_in)
            elif self._prove_alive(sign_in):
                self._old.append(sign_in)

    def _prove_alive(self, sign_in: SignIn) -> bool:
        """The latest secret works, and leads to one successor only."""
        client = sign_in.client
        call = client.refresh if sign_in.redeemed else client.redeem
        secret = sign_in.refresh_token or sign_in.device_code
        answers = [call(secret) for _ in range(2)]
        if not all(self._is_good(sign_in, answer, "an acknowledged secret was lost") for answer in answers):
            return False
        if len({answer.members["refreshToken"] for answer in answers}) != 1:
            self._findings.is_double_spent("a secret has two successors")
        if sign_in.redeemed and not self._access_works(sign_in):
            self._findings.is_lost("an acknowledged access token was lost")
        self._moved(sign_in, answers[0], consumed=secret)
        return True

    def _prove_ended(self, sign_in: SignIn) -> None:
        answer = sign_in.client.refresh(sign_in.refresh_token)
        if answer.status == _OK or self._access_works(sign_in):
            self._findings.is_double_spent("a sign-in that was ended lives")
        elif answer.error != INVALID_GRANT:
            self._findings.fault(f"a sign-in that was ended was answered {answer.status} {answer.error}")

    def _prove_one_state(self, sign_in: SignIn) -> None:
        """A logout without an answer happened entirely or not at all."""
        works = self._access_works(sign_in)
        answer = sign_in.client.refresh(sign_in.refresh_token)
        if works != (answer.status == _OK):
            self._findings.fault("a logout without an answer happened by half")

    def _access_works(self, sign_in: SignIn) -> bool:
        return portal_lets_in(sign_in.client.connection, sign_in.access_token)

    def prove_replays_refused(self, connection: Connection, *, wait: bool = False) -> None:
        """Of each sign-in one consumed secret, the device code or a refresh token, when its window is long over. Its
        sign-in ends with that.
        """
        due = [each for each in self._old if wait or time.time() > each.moved_at + self._window + _MARGIN]
        self._old = [] if wait else [each for each in self._old if each not in due]
        if wait and due:
            newest = max(each.moved_at for each in due)
            time.sleep(max(0.0, newest + self._window + _MARGIN - time.time()))
        for sign_in in due:
            self._prove_replay_refused(sign_in, sign_in.client.over(connection))

    def _prove_replay_refused(self, sign_in: SignIn, client: WireClient) -> None:
        secret = self._random.choice([sign_in.device_code, *sign_in.consumed])
        answer = client.redeem(secret) if secret == sign_in.device_code else client.refresh(secret)
        latest = client.refresh(sign_in.refresh_token)
        if answer.status == _OK:
            self._findings.is_double_spent("a consumed secret was accepted again")
        elif secret == sign_in.device_code and answer.error == _EXPIRED:
            return  # its own end has come too, and with it its row went
        elif answer.error != INVALID_GRANT or latest.error != INVALID_GRANT:
            self._findings.fault(f"a replay was answered {answer.error}, then the latest {latest.error or 'good'}")


def portal_lets_in(connection: Connection, access_token: str) -> bool:
    """Whether the access portal takes an access token."""
    answer = connection.send("GET", "/assignment/accounts", None, {"x-amz-sso_bearer_token": access_token})
    return answer.status == _OK
