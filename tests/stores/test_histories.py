"""Random histories of the verbs, played against a store and against the model of its promises side by side."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postern.api.errors import AccessDeniedException, ExpiredTokenException, InvalidGrantException, ModelledError
from postern.core.clients import client_digest
from postern.core.directory.records import Application, TokenExchangeOptions
from postern.core.records import DeviceAuthorization, DeviceStatus, RevokedClient, TokenFamily, UserStatus
from postern.core.store import DecideDeviceAuthorization, RotateRefreshToken, Store
from postern.stores import open_store
from postern.testing import samples
from postern.testing.conformance.impediments import with_grant
from postern.testing.conformance.suite import configure
from postern.testing.samples import CLIENT, CODE_LIFE, DEVICE_LIFE, NOW, OTHER_CLIENT, SCOPES, WINDOW
from tests.stores.promises import Approval, Person, Promises, SignIn

pytestmark = pytest.mark.slow

T = TypeVar("T")
APPLICATIONS = [
    samples.application(
        number,
        assignment_required=False,
        grants=with_grant(
            samples.application(), token_exchange=TokenExchangeOptions(accepted_scopes=SCOPES[:1])
        ).grants,
    )
    for number in (1, 2)
]
FOREVER = samples.MAX_INTEGER
CLIENTS = [CLIENT, CLIENT, CLIENT, OTHER_CLIENT]
REQUESTS = [None, None, (), SCOPES, SCOPES[:1], (*SCOPES, "openid"), ("openid",)]
SECONDS = [-WINDOW - 1, -3, 0, 1, WINDOW, WINDOW, WINDOW + 1, WINDOW + 1, 59, 60, 599, 600, 3600, 7199, 7200, 28_800]


async def _awaited(call: Awaitable[T]) -> T:
    return await call


class History:
    """Two people, two clients, one clock, and what they do, chosen by a seeded generator."""

    def __init__(self, store: Store, runner: asyncio.Runner, chance: random.Random) -> None:
        self.store = store
        self.runner = runner
        self.random = chance
        self.now = NOW
        self.answers: dict[tuple[int, int], TokenFamily] = {}
        self.promises = Promises([Person("id of mira"), Person("id of noor")])

        for name in ("mira", "noor"):
            self.run(self.store.create_user(samples.user(name)))
        self.run(configure(self.store, samples.trusted_token_issuer(), *APPLICATIONS))

    def play(self, steps: int) -> None:
        """Some steps, and after each a look at everything."""
        for _ in range(steps):
            self.step()
            self.sign_ins_are_as_promised()

    def step(self) -> None:
        choose, chance = self.random.choice, self.random.random
        who, racers, place = choose([0, 0, 1]), choose([1, 1, 2, 3]), choose([0, 0, 0, 1, 1, 2, 3, 5])
        step: Callable[[], None] = self.random.choices(
            [
                lambda: self.time_passes(choose(SECONDS)),
                lambda: self.someone_is_disabled_or_enabled(who, chance() < 0.7),
                lambda: self.someone_changes_the_password(who),
                lambda: self.a_client_is_revoked(choose(CLIENTS)),
                lambda: self.someone_signs_out(place),
                lambda: self.a_device_asks(choose(CLIENTS)),
                lambda: self.someone_decides(place, who, chance() < 0.85),
                lambda: self.someone_consents(choose(CLIENTS), who),
                lambda: self.a_client_redeems(place, choose(CLIENTS), choose(REQUESTS), racers, chance() < 0.85),
                lambda: self.a_client_refreshes(
                    place, choose([0, 0, 0, 1, 1, 1, 2, -1]), choose(CLIENTS), choose(REQUESTS), racers
                ),
                lambda: self.expired_rows_are_swept(choose([1, 2, 100])),
                lambda: self.an_assertion_is_presented(choose(APPLICATIONS), who, chance() < 0.7, racers),
                lambda: self.a_token_is_exchanged(place, choose(APPLICATIONS)),
            ],
            weights=[20, 4, 2, 1, 2, 12, 18, 10, 40, 50, 4, 8, 16],
        )[0]
        step()

    def run(self, call: Awaitable[object]) -> object:
        async def outcome() -> object:
            try:
                return await call
            except ModelledError as refusal:
                return refusal

        return self.runner.run(outcome())

    def race(self, call: Callable[[], Awaitable[TokenFamily]], racers: int) -> list[object]:
        async def outcomes() -> list[object]:
            return list(await asyncio.gather(*(call() for _ in range(racers)), return_exceptions=True))

        return self.runner.run(outcomes())

    # The people and the clock

    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    def someone_is_disabled_or_enabled(self, who: int, enabled: bool) -> None:
        person = self.promises.people[who]
        status = UserStatus.ENABLED if enabled else UserStatus.DISABLED
        self.run(self.store.set_user_status(person.user_id, status, self.now))
        person.enabled = enabled
        if not enabled:
            self.promises.end_everything_of(person)

    def someone_changes_the_password(self, who: int) -> None:
        person = self.promises.people[who]
        self.run(self.store.set_password(person.user_id, "another hash", self.now))
        self.promises.end_everything_of(person)

    def a_client_is_revoked(self, client: bytes) -> None:
        revocation = RevokedClient(client_digest=client, revoked_at=self.now, expires_at=self.now + 1)
        self.run(self.store.revoke_client(revocation))
        self.promises.end_everything_with(client)

    def someone_signs_out(self, index: int) -> None:
        sign_in = self.chosen_sign_in(index)
        if sign_in is None:
            return
        ended = self.run(self.store.revoke_token_family(sign_in.family_id, "signed out", self.now))
        assert ended is sign_in.is_live(self.now)
        sign_in.ended = True

    # Approvals

    def a_device_asks(self, client: bytes) -> None:
        end = self.now + DEVICE_LIFE
        pending = samples.device_authorization(client_digest=client, created_at=self.now, expires_at=end)
        self.run(self.store.create_device_authorization(pending))
        self.promises.approvals.append(Approval(pending.authorization_id, client, SCOPES, end))

    def someone_decides(self, index: int, who: int, approve: bool) -> None:
        devices = [approval for approval in self.promises.approvals if approval.is_device]
        if not devices:
            return
        device, person = devices[-1 - index % len(devices)], self.promises.people[who]
        command = DecideDeviceAuthorization(
            authorization_id=device.key,
            user_id=person.user_id,
            approve=approve,
            approver_address="198.51.100.7",
            now=self.now,
        )
        outcome = self.run(self.store.decide_device_authorization(command))
        if device.decided:
            assert isinstance(outcome, DeviceAuthorization)
            assert (outcome.status is DeviceStatus.DENIED) is device.denied
        elif self.now >= device.end:
            assert isinstance(outcome, ExpiredTokenException)
        elif not person.enabled:
            assert isinstance(outcome, AccessDeniedException)
        else:
            device.denied, device.person = not approve, person if approve else None

    def someone_consents(self, client: bytes, who: int) -> None:
        person, end = self.promises.people[who], self.now + CODE_LIFE
        code = samples.authorization_code(
            samples.user(user_id=person.user_id), client_digest=client, created_at=self.now, expires_at=end
        )
        self.run(self.store.create_authorization_code(code))
        self.promises.approvals.append(Approval(code.code_id, client, SCOPES, end, person, is_device=False))

    # What clients send

    def a_client_redeems(
        self, index: int, client: bytes, scopes: tuple[str, ...] | None, racers: int, proved: bool
    ) -> None:
        if not self.promises.approvals:
            return
        approval = self.promises.approvals[-1 - index % len(self.promises.approvals)]
        proved = proved or approval.is_device
        if not proved:
            racers = 1
        call = self.redemption(approval, client, scopes, proved=proved)
        for outcome in self.race(call, racers):
            refusals = self.promises.admissible_refusals(approval, client, scopes, self.now, proved=proved)
            if not refusals:
                assert isinstance(outcome, TokenFamily), repr(outcome)
                self.answered(self.promises.redeemed(approval, outcome.family_id, self.now), outcome)
                continue
            assert any(isinstance(outcome, refusal) for refusal in refusals), (outcome, refusals)
            self.promises.refused_redemption(approval, client, self.now, proved=proved)

    def redemption(
        self, approval: Approval, client: bytes, scopes: tuple[str, ...] | None, *, proved: bool
    ) -> Callable[[], Awaitable[TokenFamily]]:
        changes: dict[str, object] = {"client_digest": client, "requested_scopes": scopes, "now": self.now}
        if approval.is_device:
            device = samples.device_authorization(authorization_id=approval.key)
            return lambda: self.store.redeem_device_authorization(samples.device_redemption(device, **changes))
        code = samples.authorization_code(samples.user(), code_id=approval.key)
        changes |= {} if proved else {"code_verifier": "w" * 43}
        return lambda: self.store.redeem_authorization_code(samples.code_redemption(code, **changes))

    def a_client_refreshes(
        self, index: int, back: int, client: bytes, scopes: tuple[str, ...] | None, racers: int
    ) -> None:
        sign_in = self.chosen_sign_in(index)
        if sign_in is None:
            return
        generation = sign_in.generation - back
        if sign_in.application_arn is not None and client == CLIENT:
            client = sign_in.client
        command = RotateRefreshToken(
            family_id=sign_in.family_id,
            generation=generation,
            client_digest=client,
            requested_scopes=scopes,
            replay_window=WINDOW,
            access_lifetime=samples.ACCESS_LIFE,
            idle_lifetime=samples.IDLE_LIFE,
            application_arn=sign_in.application_arn,
            now=self.now,
        )
        for outcome in self.race(lambda: self.store.rotate_refresh_token(command), racers):
            refusals = self.promises.rotation_refusals(sign_in, generation, client, scopes, self.now)
            if not refusals:
                assert isinstance(outcome, TokenFamily), repr(outcome)
                self.promises.rotated(sign_in, generation, self.now)
                self.answered(sign_in, outcome)
                continue
            assert any(isinstance(outcome, refusal) for refusal in refusals), (outcome, refusals)
            self.promises.refused_rotation(sign_in, generation, client, self.now)

    # What applications send

    def an_assertion_is_presented(self, by: Application, who: int, fresh: bool, racers: int) -> None:
        person, used = self.promises.people[who], sorted(self.promises.used_assertions)
        assertion = samples.digest(f"assertion {samples.next_number()}") if fresh or not used else used[-1]
        about = samples.user(user_id=person.user_id)

        def accept() -> Awaitable[TokenFamily]:
            return self.store.accept_assertion(
                samples.acceptance(by, about, assertion_digest=assertion, assertion_expires_at=FOREVER, now=self.now)
            )

        for outcome in self.race(accept, racers):
            if not self.promises.is_acceptable(assertion, person):
                assert isinstance(outcome, InvalidGrantException), repr(outcome)
                continue
            assert isinstance(outcome, TokenFamily), repr(outcome)
            made = self.promises.accepted(
                assertion,
                person,
                outcome.client_digest,
                outcome.scopes,
                by.application_arn,
                outcome.family_id,
                self.now,
            )
            self.answered(made, outcome)

    def a_token_is_exchanged(self, index: int, by: Application) -> None:
        subject, client = self.chosen_sign_in(index), client_digest(by.application_arn)
        if subject is None:
            return
        family = self.run(self.store.find_token_family(subject.family_id))
        assert isinstance(family, TokenFamily)
        outcome = self.run(self.store.exchange_token(samples.exchange(family, by, now=self.now)))
        if not self.promises.is_exchangeable(subject, client, self.now):
            assert isinstance(outcome, InvalidGrantException), repr(outcome)
            return
        assert isinstance(outcome, TokenFamily), repr(outcome)
        made = self.promises.exchanged(subject, client, outcome.scopes, by.application_arn, outcome.family_id, self.now)
        self.answered(made, outcome)

    def answered(self, sign_in: SignIn, family: TokenFamily) -> None:
        """Of one generation there is one answer, however often it is given."""
        assert self.answers.setdefault((family.family_id, family.generation), family) == family
        assert (family.family_id, family.generation) == (sign_in.family_id, sign_in.generation)
        assert (family.access_expires_at, family.expires_at) == (sign_in.access_end, sign_in.absolute_end)

    def chosen_sign_in(self, index: int) -> SignIn | None:
        if not self.promises.sign_ins:
            return None
        return self.promises.sign_ins[-1 - index % len(self.promises.sign_ins)]

    # Housekeeping, and what is true after every step

    def expired_rows_are_swept(self, limit: int) -> None:
        self.run(self.store.sweep(self.now, limit))
        for sign_in in list(self.promises.sign_ins):
            if self.run(self.store.find_token_family(sign_in.family_id)) is None:
                assert self.now >= sign_in.absolute_end
                sign_in.ended = True
                self.promises.sign_ins.remove(sign_in)
        kept = {sign_in.family_id for sign_in in self.promises.sign_ins}
        for sign_in in list(self.promises.sign_ins):
            # What was made from one that is gone will be swept as well, and is not asked for again.
            if not kept.issuperset(each.family_id for each in sign_in.lineage()):
                self.promises.sign_ins.remove(sign_in)
        for approval in list(self.promises.approvals):
            # Codes cannot be looked up; what may have been swept is not asked for again.
            found = self.run(self.store.find_device_authorization(approval.key)) if approval.is_device else None
            if found is None and (approval.is_device or self.now >= approval.end):
                assert self.now >= approval.end
                self.promises.approvals.remove(approval)

    def sign_ins_are_as_promised(self) -> None:
        for sign_in in self.promises.sign_ins:
            family = self.run(self.store.find_token_family(sign_in.family_id))
            assert isinstance(family, TokenFamily)
            assert (family.revoked_at is not None) is sign_in.ended
            assert (family.generation, family.expires_at) == (sign_in.generation, sign_in.absolute_end)
        for person in self.promises.people:
            listed = self.runner.run(_awaited(self.store.list_token_families(person.user_id, self.now)))
            assert [family.family_id for family in listed] == self.promises.live_of(person, self.now)


@pytest.mark.parametrize("kind, seeds, steps", [("memory", 300, 120), ("sqlite", 80, 120)])
def test_every_history_ends_as_promised(tmp_path: Path, kind: str, seeds: int, steps: int) -> None:
    """A failure names its seed; the same seed gives the same history."""
    with asyncio.Runner() as runner:
        for seed in range(seeds):
            store = open_store("memory:" if kind == "memory" else f"sqlite:///{tmp_path / str(seed)}.db")
            try:
                History(store, runner, random.Random(seed)).play(steps)
            except AssertionError as failure:
                raise AssertionError(f"seed {seed}") from failure
            finally:
                runner.run(store.close())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False), steps=st.integers(1, 80))
def test_hypothesis_finds_no_history_that_breaks_a_promise(chance: random.Random, steps: int) -> None:
    """The same histories with hypothesis making the choices, which shrinks one that fails to its shortest."""
    with asyncio.Runner() as runner:
        store = open_store("memory:")
        History(store, runner, chance).play(steps)
        runner.run(store.close())
