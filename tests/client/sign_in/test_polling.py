"""Polling (RFC 8628 3.5), with neither clock, socket nor event loop."""

import pytest

from postern.api import errors
from postern.client.effects import Flow
from postern.client.errors import ConnectionFailed, ReadTimeout, ServiceError, SignInExpired, TlsError
from postern.client.sign_in.countdown import Countdown
from postern.client.sign_in.device_code import poll_flow
from tests.client.sign_in.world import NOW, Clock, drive

PENDING = errors.AuthorizationPendingException()
SLOW_DOWN = errors.SlowDownException()
LOST = ConnectionFailed("no such name: sso.example.test")
DOWN = errors.InternalServerException()


class Poll:
    """Polls against these answers, the last again and again; notes the pauses."""

    def __init__(self, *answers: str | Exception, interval: float = 1.0, lifetime: float = 600.0) -> None:
        self.clock = Clock()
        self.pauses: list[float] = []
        self.left: list[float] = []
        self._answers = list(answers)
        self._interval = interval
        self._time = Countdown(lifetime, self.clock)

    def run(self, *jumps: float) -> str:
        """Poll; while sleeping for the nth time, the clock jumps by so many seconds."""
        pending = list(jumps)

        def slept(seconds: float) -> None:
            self.pauses.append(seconds)
            self.clock.time += pending.pop(0) if pending else 0.0

        flow = poll_flow(self._ask, self._time, interval=self._interval, waiting=self.left.append)
        return drive(flow, self.clock, on_sleep=slept)

    def _ask(self) -> Flow[str]:
        yield from ()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


PAUSES = {
    "the first answer comes after one interval": (["token"], [1]),
    "authorization_pending goes on at the same interval": ([PENDING, PENDING, "token"], [1, 1, 1]),
    "slow_down adds five seconds for good": ([SLOW_DOWN, PENDING, SLOW_DOWN, PENDING, "token"], [1, 6, 6, 11, 11]),
    "without an answer the pauses grow, to 15 seconds": ([LOST] * 6 + ["token"], [1, 2, 4, 8, 15, 15, 15]),
    "an answer brings the interval back": ([LOST, LOST, PENDING, "token"], [1, 2, 4, 1]),
    "a 5xx is an outage": ([DOWN, ServiceError("502", "", status=502), "token"], [1, 2, 4]),
    "a captive portal is an outage": ([TlsError("self-signed certificate"), "token"], [1, 2]),
    "a silent service is an outage": ([ReadTimeout("silent"), "token"], [1, 2]),
    "429 is no refusal": ([ServiceError("429", "", status=429), "token"], [1, 2]),
}


@pytest.mark.parametrize("answers, pauses", PAUSES.values(), ids=PAUSES)
def test_pauses(answers: list[str | Exception], pauses: list[float]) -> None:
    poll = Poll(*answers)
    assert poll.run() == "token"
    assert poll.pauses == pauses


def test_an_interval_of_nothing_is_a_second() -> None:
    poll = Poll(PENDING, "token", interval=0)
    poll.run()
    assert poll.pauses == [1, 1]


@pytest.mark.parametrize(
    "refusal",
    [
        errors.InvalidGrantException(),
        errors.InvalidClientException(),
        errors.UnauthorizedClientException(),
        errors.InvalidRequestException(),
        ServiceError("403", "", status=403),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
def test_a_refusal_ends_polling(refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        Poll(PENDING, refusal).run()


def test_a_code_that_the_service_keeps_pending_ends_with_its_own_life() -> None:
    poll = Poll(PENDING, lifetime=600.0)
    with pytest.raises(SignInExpired) as raised:
        poll.run()
    assert sum(poll.pauses) == 600
    assert raised.value.__cause__ is PENDING


def test_an_outage_that_outlives_the_code_ends_with_it() -> None:
    poll = Poll(LOST, lifetime=600.0)
    with pytest.raises(SignInExpired) as raised:
        poll.run()
    assert poll.clock.time - NOW == 600
    assert raised.value.__cause__ is LOST


def test_after_the_machine_slept_there_is_one_more_question() -> None:
    poll = Poll("token")
    assert poll.run(8 * 3600.0) == "token"


def test_after_the_machine_slept_an_outage_does_not_go_on() -> None:
    poll = Poll(LOST)
    with pytest.raises(SignInExpired):
        poll.run(8 * 3600.0)
    assert poll.pauses == [1]


def test_a_clock_set_back_does_not_prolong() -> None:
    poll = Poll(LOST, lifetime=60.0)
    with pytest.raises(SignInExpired):
        poll.run(*[-1000.0] * 100)
    assert sum(poll.pauses) == 60


def test_a_clock_set_forward_does_not_end_what_the_service_calls_pending() -> None:
    poll = Poll(PENDING, PENDING, "token")
    assert poll.run(86_400.0) == "token"


def test_an_invalid_grant_after_the_end_is_an_expiry() -> None:
    with pytest.raises(SignInExpired):
        Poll(errors.InvalidGrantException("Invalid device code provided")).run(8 * 3600.0)


def test_the_person_sees_what_is_left() -> None:
    poll = Poll(PENDING, SLOW_DOWN, "token", lifetime=100.0)
    poll.run()
    assert poll.left == [100, 99, 98]


def test_the_time_in_all_ends_polling_before_the_code_does() -> None:
    clock = Clock()
    in_all = Countdown(30.0, clock)

    def ask() -> Flow[str]:
        yield from ()
        raise PENDING

    with pytest.raises(SignInExpired):
        drive(poll_flow(ask, Countdown(600.0, clock, within=in_all), interval=5.0), clock)
    assert clock.time - NOW == 30
