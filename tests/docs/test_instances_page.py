"""docs/instances.md against the server: the file in it is a good one, its start URLs are those that are taken."""

import re
import tomllib
from pathlib import Path

from postern.core import instances
from postern.core.directory.declaration import read
from postern.core.policy import InstancePolicy, Policy
from postern.core.service import new_instance
from postern.core.start_urls import normalise

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "instances.md").read_text()
ALIAS = "https://my-lab.awsapps.com/start"


def test_the_file_declares_an_instance_and_what_is_in_it() -> None:
    (text,) = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
    declared = read(tomllib.loads(text))
    (lab,) = declared.instance
    assert lab.start_url_aliases == (ALIAS,)
    within = (*declared.user, *declared.group, *declared.account, *declared.permission_set, *declared.assignment)
    assert {each.instance for each in within} == {lab.name}


def test_the_start_urls_of_the_page_are_all_that_an_instance_has() -> None:
    policy = Policy(public_url="https://sso.example.com", instance=InstancePolicy(region="eu-central-1"))
    primary, lab = new_instance(1), new_instance(1, name="lab", start_url_aliases=(ALIAS,))
    table = PAGE.partition("| start URL |")[2].partition("\n\n")[0]
    forms = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    written = {
        normalise(
            form.replace("<public URL>", policy.public_url)
            .replace("<instance id>", lab.instance_id)
            .replace("<identity store id>", lab.identity_store_id)
            .replace("<region>", policy.instance.region)
        )
        for form in forms
    }
    known = instances.snapshot(policy, (primary, lab))
    assert written | {ALIAS} == {url for url, instance in known.by_start_url.items() if instance is lab}
    assert known.named_by(f"{policy.public_url}/start") is primary
    assert known.named_by(policy.public_url) is primary
