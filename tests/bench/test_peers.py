"""The peers of ``python -m bench peers``: what they are asked agrees with how it is asked. None is started here."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bench.measure import DidNotStart, Figures, Sample, Server
from bench.peers import comparison, postern
from bench.peers.catalogue import PEERS
from bench.peers.comparison import About, Measured, Outcome, Side
from bench.peers.peer import APPS, OPERATIONS, POLL, REFRESH, REGISTER, START, LeftOut, Peer, Request, Seeds, installed
from bench.signed_requests import FORM, JSON
from postern.core.clients import DEVICE_CODE

ROOT = Path(__file__).parents[2]
SEEDS = Seeds(client_id="client", client_secret="secret", device_codes=["one", "two"], refresh_tokens=["first"])
ASKED = [(peer, name, request) for peer in PEERS for name, request in peer.requests.items()]
IDS = [f"{peer.name}-{name}" for peer, name, _ in ASKED]
of_each = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
of_each_request = pytest.mark.parametrize("peer,operation,request_", ASKED, ids=IDS)


def test_names_are_told_apart() -> None:
    names = [peer.name for peer in PEERS]
    assert len({*names, postern.NAME}) == len(names) + 1


@of_each
def test_a_peer_can_be_set_up(peer: Peer) -> None:
    parts = re.findall(r"^  ([a-z-]+)\) ", (ROOT / "scripts" / "setup").read_text(), re.MULTILINE)
    all_of_them = re.search(
        r"^  bench-peers\) .*; each (.+) ;;$", (ROOT / "scripts" / "setup").read_text(), re.MULTILINE
    )
    assert all_of_them
    assert peer.setup in parts
    assert peer.setup in all_of_them[1].split()


@of_each
def test_a_peer_is_asked_for_what_postern_is(peer: Peer) -> None:
    assert peer.requests.keys() <= set(OPERATIONS)
    assert set(OPERATIONS) == postern.KEPT.keys()


@of_each_request
def test_a_body_is_of_its_type(peer: Peer, operation: str, request_: Request) -> None:
    for body in request_.bodies(SEEDS):
        if request_.signed:
            assert len(body.split("\t")) == 3
        elif request_.content_type == JSON:
            assert json.loads(body)["client_name"]
        else:
            assert request_.content_type == FORM
            assert parse_qs(body, strict_parsing=True)["client_id"] == ["client"]


@pytest.mark.parametrize("peer", [peer for peer in PEERS if REFRESH in peer.requests], ids=lambda peer: peer.name)
def test_seeds_are_what_is_presented(peer: Peer) -> None:
    polls = [parse_qs(body) for body in peer.requests[POLL].bodies(SEEDS)]
    assert [poll["device_code"] for poll in polls] == [["one"], ["two"]]
    assert all(poll["grant_type"] == [DEVICE_CODE] for poll in polls)
    (refresh,) = peer.requests[REFRESH].bodies(SEEDS)
    assert refresh.count("REFRESH_TOKEN") == 1
    assert "device_code" not in parse_qs(peer.requests[START].bodies(SEEDS)[0])
    assert peer.requests[REGISTER].bodies(SEEDS)


def test_a_public_client_sends_no_secret() -> None:
    (body,) = (
        PEERS[0].requests[START].bodies(Seeds(client_id="c", client_secret="", device_codes=[], refresh_tokens=[]))
    )
    assert "client_secret" not in body


def test_applications_of_peers_are_there() -> None:
    assert {file.name for file in APPS.iterdir() if file.is_file()} == {
        "authlib_app.py",
        "django_app.py",
        "node_oidc_provider.mjs",
    }


def test_what_is_not_installed_says_how_to(tmp_path: Path) -> None:
    with pytest.raises(LeftOut, match="run scripts/setup servers"):
        installed(tmp_path / "gunicorn", "servers")


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="no such setting"):
        Server(["-c", "raise SystemExit('no such setting')"], {}, "http://127.0.0.1:9", tmp_path / "log")


# What is printed


def figures(*rates: float, wrong: int = 0) -> Figures:
    return Figures([Sample(rate, 900, 2100, wrong, 0.9, 0.2, 0.0, 57.4) for rate in rates])


def measured(*, wrong: int = 0) -> Measured:
    sides = [
        Side(server=postern.NAME, connections=32, kept="SQLite", figures=figures(6000, 9000)),
        Side(server=PEERS[0].name, connections=32, kept="no: in memory", figures=figures(2000, 1500, wrong=wrong)),
    ]
    about = [About(postern.NAME, "1.0", "one process"), About(PEERS[0].name, "9", "in memory")]
    return Measured([Outcome(REFRESH, sides)], about, {"Authlib": "not installed"})


def test_the_table_has_a_row_for_each_side_and_notes_below() -> None:
    lines = comparison.table(measured()).splitlines()
    assert lines[2].startswith("| refresh | Postern | 32 | SQLite | 7,500 | - | - | - | 0.90 | 2.10 | 90% | 20% | 57 |")
    assert "| no: in memory | 1,750 | 4.50 (3.00-6.00) | 4.20 | 5 |" in lines[3]
    assert lines[-2:] == ["- node-oidc-provider 9: in memory.", "- Authlib is left out: not installed."]


def test_wrong_answers_are_counted_by_server_and_operation() -> None:
    assert measured().wrong == {}
    assert measured(wrong=2).wrong == {"node-oidc-provider, refresh": 4}


def test_the_plot_has_a_group_for_each_operation() -> None:
    (panel,) = comparison.chart(measured()).panels
    assert [(group.title, [bar.label for bar in group.bars]) for group in panel.groups] == [
        ("refresh", ["Postern", "node-oidc-provider"])
    ]
