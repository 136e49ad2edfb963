"""The Python of README.md and docs/client.md, run as it stands: only addresses are replaced by those of the server."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.clients_real import browser
from tests.clients_real.person import Person
from tests.clients_real.sdks import node_environment
from tests.clients_real.servers import ROOT, Server

pytestmark = pytest.mark.real_client

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = {"README.md": 2, "docs/client.md": 5}


def blocks(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text())


@pytest.mark.parametrize("page", PAGES)
def test_no_example_is_left_out(page: str) -> None:
    assert len(blocks(page)) == PAGES[page]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_one_after_the_other(
    page: str, server: Server, person: Person, tmp_path: Path
) -> None:
    source = "\n".join(_for(server, text) for text in blocks(page))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(server.config_file.read_text().replace("demo", "work"))
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", source],
        cwd=server.data.parent,
        env=node_environment(
            {
                "HOME": str(tmp_path),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "AWS_PROFILE": "work",
                "BROWSER": browser.command(),
                "BROWSER_USER_FILE": str(server.user_file),
            }
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    said = ""
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            said += line
            if line.startswith("open "):
                assert person.approve(line.split()[1]) == "Approved"
        assert process.wait(20) == 0, said + process.stderr.read()
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _for(server: Server, text: str) -> str:
    return (
        text.replace("https://d-1234567890.awsapps.com/start", server.user["start_url"])
        .replace("http://127.0.0.1:8765", server.endpoint)
        .replace('profile="demo"', 'profile="work"')
        .replace(".data/demo/user.json", str(server.user_file))
    )
