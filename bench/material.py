"""What the load sends in the parts `stores` and `growth`: the operations of a sign-in, on rows that are filled in
beforehand. Each run of the load gets members of its own, chosen at random.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from bench import filling, fixtures
from bench.filling import Basis


class Share(msgspec.Struct, frozen=True):
    """What one run sends: ``common`` is what ``load.lua`` is told in any case, ``own`` what it is told where it asks
    Postern.
    """

    common: dict[str, str]
    own: dict[str, str]

    @property
    def told(self) -> dict[str, str]:
        return {**self.common, **self.own}


def for_bare(share: Share) -> Share:
    """As the bare application is asked."""
    return Share(share.common, {"BENCH_STATUS": "200"})


Prepare = Callable[[Basis, Path, int, int, int], list[Share]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """``prepare`` fills so many rows into a store, and makes shares of so many members for a number of runs. ``rate``
    is the requests a second for which there shall be enough members, where each is good once.
    """

    name: str
    path: str = "/token"
    status: int = 200
    durable: bool = True
    rate: int = 0
    prepare: Prepare

    def shares(self, there: Basis, folder: Path, *, rows: int, count: int, size: int) -> list[Share]:
        """
        Raises:
            ValueError: there are not so many rows.
        """
        made = self.prepare(there, folder, rows, count, size)
        common = {"BENCH_PATH": self.path}
        return [Share({**common, **share.common}, {"BENCH_STATUS": str(self.status), **share.own}) for share in made]


def _polls(there: Basis, folder: Path, rows: int, count: int, size: int) -> list[Share]:
    codes = filling.fill_device_codes(there, rows, count * size)
    return [Share({"BENCH_BODIES": str(file)}, {}) for file in _poll_files(there, folder, codes, size)]


def _sign_ins(there: Basis, folder: Path, rows: int, count: int, size: int) -> list[Share]:
    codes = filling.fill_device_codes(there, rows, count * size, approved=True)
    files = _poll_files(there, folder, codes, size)
    return [Share({"BENCH_BODIES": str(file)}, {"BENCH_ONCE": "1"}) for file in files]


def _poll_files(there: Basis, folder: Path, codes: Sequence[str], size: int) -> list[Path]:
    files = []
    for start in range(0, len(codes), size):
        files.append(folder / f"polls.{start}")
        filling.write_polls(there, files[-1], islice(codes, start, start + size))
    return files


def _refreshes(there: Basis, folder: Path, rows: int, count: int, size: int, *, of_a_person: int = 20) -> list[Share]:
    members = filling.fill_families(there, rows, count * size, of_a_person=of_a_person)
    bodies = folder / "refreshes"
    filling.write_refreshes(there, bodies)
    shares = []
    for start in range(0, len(members), size):
        file = folder / f"tokens.{start}"
        file.write_text("\n".join(members[start : start + size]) + "\n")
        shares.append(Share({"BENCH_BODIES": str(bodies)}, {"BENCH_TOKENS": str(file)}))
    return shares


def _starts(there: Basis, folder: Path, rows: int, count: int, size: int) -> list[Share]:
    """It needs no member: whatever rows there are, it adds its own."""
    filling.fill_device_codes(there, rows, 0)
    bodies = folder / "starts"
    bodies.write_bytes(fixtures.encode(fixtures.start_request(there.instance, there.credentials)) + b"\n")
    return [Share({"BENCH_BODIES": str(bodies)}, {})] * count


POLL = Operation(name="pending poll", status=400, durable=False, prepare=_polls)
START = Operation(name="device start", path="/device_authorization", prepare=_starts)
REFRESH = Operation(name="refresh", prepare=_refreshes)
REFRESH_OF_EACH = Operation(name="refresh, each person's only sign-in", prepare=partial(_refreshes, of_a_person=1))
SIGN_IN = Operation(name="sign-in", rate=8000, prepare=_sign_ins)
