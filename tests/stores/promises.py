"""A model of what the store promises, written from the promises and not from the rules: for each call it says which
answers are admissible and, once it is known which came, what must be true from then on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from postern.api.errors import (
    AccessDeniedException,
    AuthorizationPendingException,
    ExpiredTokenException,
    InvalidGrantException,
    InvalidScopeException,
    ModelledError,
)
from postern.core.grants.token_exchange import MAX_LINEAGE
from postern.testing.samples import ACCESS_LIFE, FAMILY_LIFE, IDLE_LIFE, WINDOW

Refusals = set[type[ModelledError]]


@dataclass
class Person:
    user_id: str
    enabled: bool = True


@dataclass
class SignIn:
    """A token family as the promises know it."""

    family_id: int
    person: Person
    client: bytes
    scopes: tuple[str, ...]
    absolute_end: int
    rotated_at: int
    generation: int = 0
    ended: bool = False
    application_arn: str | None = None
    origin: "SignIn | None" = None

    @property
    def idle_end(self) -> int:
        return min(self.rotated_at + IDLE_LIFE, self.absolute_end)

    @property
    def access_end(self) -> int:
        return min(self.rotated_at + ACCESS_LIFE, self.absolute_end)

    def is_live(self, now: int) -> bool:
        return all(not each.ended and now < each.absolute_end for each in self.lineage())

    def lineage(self) -> Iterator["SignIn"]:
        """The sign-in itself, and what it was made from by token exchange."""
        yield self
        if self.origin is not None:
            yield from self.origin.lineage()


@dataclass
class Approval:
    """A device authorization or an authorization code: an approval that is redeemed once."""

    key: int
    client: bytes
    scopes: tuple[str, ...]
    end: int
    person: Person | None = None
    denied: bool = False
    withdrawn: bool = False
    wrong_verifiers: int = 0
    sign_in: SignIn | None = None
    redeemed_at: int = 0
    is_device: bool = True

    @property
    def decided(self) -> bool:
        return self.denied or self.person is not None


@dataclass
class Promises:
    people: list[Person]
    approvals: list[Approval] = field(default_factory=list)
    sign_ins: list[SignIn] = field(default_factory=list)
    used_assertions: set[bytes] = field(default_factory=set)

    def live_of(self, person: Person, now: int) -> list[int]:
        return sorted((s.family_id for s in self.sign_ins if s.person is person and s.is_live(now)), reverse=True)

    # Redeeming an approval (statements 44-47, 53-62, 70)

    def admissible_refusals(
        self, approval: Approval, client: bytes, scopes: tuple[str, ...] | None, now: int, *, proved: bool
    ) -> Refusals:
        """Why this redemption may be refused; with nothing in it, it must succeed."""
        if client != approval.client or not proved:
            return {InvalidGrantException}
        if approval.denied:
            return {AccessDeniedException}
        if approval.wrong_verifiers >= 3 or approval.withdrawn:
            return {InvalidGrantException, *self._expired(approval, now)}
        if approval.sign_in is not None and not self._is_repetition(approval, now):
            return {InvalidGrantException}
        if approval.sign_in is not None:
            return set() if set(scopes or ()) <= set(approval.scopes) else {InvalidScopeException}
        refusals = self._expired(approval, now)
        if not approval.decided:
            refusals.add(AuthorizationPendingException)
        elif approval.person is not None and not approval.person.enabled:
            refusals.add(InvalidGrantException)
        if not set(scopes or ()) <= set(approval.scopes):
            refusals.add(InvalidScopeException)
        return refusals

    def refused_redemption(self, approval: Approval, client: bytes, now: int, *, proved: bool) -> None:
        """A refusal consumes nothing, but a secret that comes again after its window ends the sign-in (58, 62)."""
        if client != approval.client:
            return
        if not proved:
            approval.wrong_verifiers += 1
        elif approval.wrong_verifiers < 3 and approval.sign_in is not None and not self._is_repetition(approval, now):
            approval.sign_in.ended = approval.sign_in.ended or approval.sign_in.is_live(now)

    def redeemed(self, approval: Approval, family_id: int, now: int) -> SignIn:
        """The one sign-in that the approval becomes."""
        if approval.sign_in is None:
            assert approval.person is not None
            approval.sign_in = SignIn(
                family_id, approval.person, approval.client, approval.scopes, now + FAMILY_LIFE, rotated_at=now
            )
            approval.redeemed_at = now
            self.sign_ins.append(approval.sign_in)
        return approval.sign_in

    def _expired(self, approval: Approval, now: int) -> Refusals:
        if now < approval.end:
            return set()
        return {ExpiredTokenException} if approval.is_device else {InvalidGrantException}

    def _is_repetition(self, approval: Approval, now: int) -> bool:
        """The identical answer can be given: within the window, and the sign-in is still as it was begun."""
        begun = approval.sign_in
        if begun is None or begun.generation or not begun.is_live(now):
            return False
        return abs(now - approval.redeemed_at) <= WINDOW

    # Assertions and token exchange (statements 92-109)

    def is_acceptable(self, assertion: bytes, person: Person) -> bool:
        return assertion not in self.used_assertions and person.enabled

    def accepted(
        self,
        assertion: bytes,
        person: Person,
        client: bytes,
        scopes: tuple[str, ...],
        arn: str,
        family_id: int,
        now: int,
    ) -> SignIn:
        self.used_assertions.add(assertion)
        made = SignIn(family_id, person, client, scopes, now + FAMILY_LIFE, rotated_at=now, application_arn=arn)
        self.sign_ins.append(made)
        return made

    def is_exchangeable(self, subject: SignIn, client: bytes, now: int) -> bool:
        lineage = [*subject.lineage()]
        awake = subject.is_live(now) and all(now < each.idle_end for each in lineage)
        return subject.client != client and awake and len(lineage) < MAX_LINEAGE

    def exchanged(
        self, subject: SignIn, client: bytes, scopes: tuple[str, ...], arn: str, family_id: int, now: int
    ) -> SignIn:
        end = min(now + FAMILY_LIFE, subject.absolute_end)
        made = SignIn(
            family_id, subject.person, client, scopes, end, rotated_at=now, application_arn=arn, origin=subject
        )
        self.sign_ins.append(made)
        return made

    # Rotating a refresh token (statements 71-77)

    def rotation_refusals(
        self, sign_in: SignIn, generation: int, client: bytes, scopes: tuple[str, ...] | None, now: int
    ) -> Refusals:
        if client != sign_in.client or not sign_in.is_live(now) or now >= sign_in.idle_end:
            return {InvalidGrantException}
        if not sign_in.person.enabled or self._is_theft(sign_in, generation, now):
            return {InvalidGrantException}
        return set() if set(scopes or ()) <= set(sign_in.scopes) else {InvalidScopeException}

    def refused_rotation(self, sign_in: SignIn, generation: int, client: bytes, now: int) -> None:
        awake = sign_in.is_live(now) and now < sign_in.idle_end
        if client == sign_in.client and awake and self._is_theft(sign_in, generation, now):
            sign_in.ended = True

    def rotated(self, sign_in: SignIn, generation: int, now: int) -> None:
        if generation == sign_in.generation:
            sign_in.generation += 1
            sign_in.rotated_at = now

    def _is_theft(self, sign_in: SignIn, generation: int, now: int) -> bool:
        if generation == sign_in.generation:
            return False
        return generation != sign_in.generation - 1 or abs(now - sign_in.rotated_at) > WINDOW

    # Ending (statements 46, 76, 77)

    def end_everything_of(self, person: Person) -> None:
        for sign_in in self.sign_ins:
            sign_in.ended = sign_in.ended or sign_in.person is person
        for approval in self.approvals:
            if approval.person is person and approval.sign_in is None and not approval.denied:
                approval.withdrawn = True

    def end_everything_with(self, client: bytes) -> None:
        for sign_in in self.sign_ins:
            sign_in.ended = sign_in.ended or sign_in.client == client
