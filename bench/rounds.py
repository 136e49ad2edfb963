"""Several that are measured in turn, again and again, so that what else the machine does meets them alike."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.material import Share
from bench.measure import Figures, Sample, Server, Target, load_together

Run = Callable[[int], Sample]  # of so many seconds
WARM_UP = 1


def nothing() -> float:
    """The processor time of a store without processes of its own."""
    return 0.0


def load_on(
    nodes: Sequence[Server], shares: Iterator[Share], connections: int, store_cpu: Callable[[], float] = nothing
) -> Run:
    """The connections are dealt to the nodes, and each run takes a share for each of them."""

    def run(seconds: int) -> Sample:
        of_one = connections // len(nodes)
        targets = [Target(node, node.url, next(shares).told, of_one) for node in nodes]
        return load_together(targets, seconds, store_cpu)

    return run


def alternate(title: str, runs: Mapping[str, Run], rounds: int, seconds: int) -> dict[str, Figures]:
    """Each is warmed up for a second before."""
    for run in runs.values():
        run(WARM_UP)
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for number in range(rounds):
        print(f"\r\033[K{title}: round {number + 1} of {rounds}", end="", file=sys.stderr)
        for name, run in runs.items():
            samples[name].append(run(seconds))
    print("\r\033[K", end="", file=sys.stderr)
    return {name: Figures(of_one) for name, of_one in samples.items()}


def ratios(figures: Figures, reference: Figures, member: str = "rate") -> list[float]:
    """Round by round."""
    pairs = zip(figures.samples, reference.samples, strict=True)
    return [getattr(own, member) / getattr(other, member) for own, other in pairs]
