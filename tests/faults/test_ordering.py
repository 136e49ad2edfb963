"""The order of system calls, read from traces: who is answered before the log is on disk is found out."""

from pathlib import Path

import pytest

from postern.testing.faults.ordering import answered_early, read_trace

WAL = "postern.db-wal"
READ = '7 read(12<socket:[1]>, "POST /token HTTP/1.1\\r\\n"..., 65536) = 400\n'
LOG = f'7 pwrite64(9</data/{WAL}>, ""..., 24, 0) = 24\n'
SYNC = f"8 fdatasync(9</data/{WAL}>) = 0\n"
SYNC_BEGINS = f"8 fdatasync(9</data/{WAL}> <unfinished ...>\n"
SYNC_ENDS = "8 <... fdatasync resumed>) = 0\n"
ANSWER = '7 write(12<socket:[1]>, "HTTP/1.1 200 OK\\r\\n"..., 500) = 500\n'
REFUSAL = '7 write(12<socket:[1]>, "HTTP/1.1 400 Bad Request\\r\\n"..., 500) = 500\n'


@pytest.mark.parametrize(
    "trace, early, answers",
    [
        pytest.param(READ + LOG + SYNC + ANSWER, 0, 1, id="in order"),
        pytest.param(READ + LOG + SYNC_BEGINS + SYNC_ENDS + ANSWER, 0, 1, id="in order, on another thread"),
        pytest.param(READ + LOG + ANSWER + SYNC, 1, 1, id="answered before the sync"),
        pytest.param(READ + LOG + SYNC_BEGINS + ANSWER + SYNC_ENDS, 1, 1, id="answered while the sync went on"),
        pytest.param(READ + SYNC + LOG + ANSWER, 1, 1, id="logged after the sync"),
        pytest.param(READ + SYNC + ANSWER, 1, 1, id="nothing logged"),
        pytest.param(LOG + SYNC + READ + ANSWER, 1, 1, id="the sync was for another request"),
        pytest.param(READ + LOG + SYNC + ANSWER + READ + ANSWER, 1, 2, id="the second without a sync"),
        pytest.param(READ + REFUSAL, 0, 0, id="a refusal needs none"),
    ],
)
def test_an_answer_before_its_sync_is_found(tmp_path: Path, trace: str, early: int, answers: int) -> None:
    file = tmp_path / "trace"
    file.write_text(trace)
    assert answered_early(read_trace(file), WAL) == (early, answers)
