"""The browser that clients launch: ``python -m tests.clients_real.browser URL`` signs in and decides.

``BROWSER_USER_FILE`` names the server's user.json, ``BROWSER_DECISION`` is approve (the default) or deny. Clients get
it by the environment variable ``BROWSER``; see `command`.
"""

import json
import os
import sys
from pathlib import Path

from tests.clients_real.person import Person


def command(*, waits: bool = True) -> str:
    """For ``BROWSER``. One that does not wait leaves the client polling while the person acts."""
    return f"{sys.executable} -m {__name__} %s{'' if waits else ' &'}"


def main(url: str) -> None:
    user = json.loads(Path(os.environ["BROWSER_USER_FILE"]).read_text())
    person = Person(user["endpoint"], user["username"], user["password"])
    page = person.decide(url, os.environ.get("BROWSER_DECISION", "approve"))
    print(page.heading)


if __name__ == "__main__":
    main(sys.argv[1])
