"""``postern demo``: a server to try, ready to be signed in to. What ``make run`` runs.

In the data folder it keeps ``demo/config`` (an AWS configuration file), ``demo/user.json`` and
``demo/application.json``, all with mode 0600. A second start keeps store, person, password, application and its key.
"""

import argparse
import asyncio
import os
import shlex
import sys
from pathlib import Path

import msgspec

from postern.cli import demo_application, demo_directory, serve
from postern.cli.context import opened_store, settings_from
from postern.cli.demo_application import DemoApplication
from postern.cli.output import now
from postern.cli.user import random_password
from postern.core import start_urls, users
from postern.core.records import Instance
from postern.core.service import new_instance
from postern.core.store import AlreadyExists, Store
from postern.server.password_hashing import ThreadedHasher
from postern.server.settings import Settings

USER_NAME = "demo"
EMAIL = "demo@example.org"
ACCOUNT_ID = demo_directory.ACCOUNT_ID
ROLE_NAME = demo_directory.ROLES[0]


class DemoUser(msgspec.Struct, frozen=True, kw_only=True):
    """What scripts need to sign in; the contents of ``demo/user.json``."""

    username: str
    password: str
    endpoint: str
    start_url: str
    region: str
    account_id: str
    role_name: str


def demo(options: argparse.Namespace) -> None:
    settings = settings_from(options)
    folder = Path(settings.server.data).absolute() / "demo"
    person, is_new, application = asyncio.run(_prepare(settings, folder))

    def introduce() -> None:
        """Not before the port is ours: the files of a server that runs on this folder shall go on pointing to it."""
        _write(folder / "config", _aws_config(person))
        _write(folder / "user.json", _json(person))
        _write(folder / "application.json", _json(application))
        print(_instructions(person, folder, is_new), flush=True)

    serve.run(settings, introduce)


async def _prepare(settings: Settings, folder: Path) -> tuple[DemoUser, bool, DemoApplication]:
    """The demo person, whether the password is new, and the demo application."""
    async with opened_store(settings, create=True) as store:
        instance = await store.ensure_instance(new_instance(now()))
        password, is_new = await _ensure_person(store, instance, folder)
        person = await users.require_user(store, USER_NAME, instance)
        await demo_directory.prepare(store, instance, person)
        application = await demo_application.prepare(settings, store, instance, person)
    return _demo_user(settings, instance, password), is_new, application


async def _ensure_person(store: Store, instance: Instance, folder: Path) -> tuple[str, bool]:
    """The demo person's password, and whether it is new."""
    known = _known_password(folder / "user.json")
    if known is not None and await store.find_user_by_name(instance.instance_id, USER_NAME):
        return known, False
    password = random_password()
    hasher = ThreadedHasher()
    try:
        await users.add_user(
            store,
            hasher,
            user_name=USER_NAME,
            password=password,
            display_name="Demo User",
            email=EMAIL,
            instance=instance,
            now=now(),
        )
    except AlreadyExists:
        await users.set_password(store, hasher, user_name=USER_NAME, password=password, instance=instance, now=now())
    return password, True


def _known_password(file: Path) -> str | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=DemoUser).password
    except (OSError, msgspec.DecodeError):
        return None


def _demo_user(settings: Settings, instance: Instance, password: str) -> DemoUser:
    return DemoUser(
        username=USER_NAME,
        password=password,
        endpoint=settings.public_url,
        start_url=start_urls.aws_start_url(instance),
        region=settings.instance.region,
        account_id=ACCOUNT_ID,
        role_name=ROLE_NAME,
    )


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


def _write(file: Path, text: str) -> None:
    """With mode 0600, and never half."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)


def _aws_config(person: DemoUser) -> str:
    return f"""\
# Written by `postern demo`. The start URL is of the form that every AWS CLI accepts; it is compared, never contacted.
[profile demo]
sso_session = demo
sso_account_id = {person.account_id}
sso_role_name = {person.role_name}
region = {person.region}
services = demo

[sso-session demo]
sso_start_url = {person.start_url}
sso_region = {person.region}
sso_registration_scopes = sso:account:access

[profile legacy]
sso_start_url = {person.start_url}
sso_region = {person.region}
sso_account_id = {person.account_id}
sso_role_name = {person.role_name}
region = {person.region}
services = demo

[services demo]
sso_oidc =
  endpoint_url = {person.endpoint}
sso =
  endpoint_url = {person.endpoint}
sts =
  endpoint_url = {person.endpoint}
"""


def _instructions(person: DemoUser, folder: Path, is_new: bool) -> str:
    password = (
        f"{person.password}   (shown this once; scripts find it in {folder / 'user.json'})"
        if is_new
        else f"as shown on the first start ({folder / 'user.json'})"
    )
    command = _own_command()
    return f"""\
Postern serves an IAM Identity Center sign-in at {person.endpoint}

  user      {person.username}
  password  {password}

Sign in with the AWS CLI (2.13 or newer; for older ones see README.md):

  export AWS_CONFIG_FILE={shlex.quote(str(folder / "config"))}
  aws sso login --profile demo
  aws sts get-caller-identity --profile demo
  aws sso list-accounts --profile demo --access-token "$({command} token --profile demo)"
  aws sso logout

With postern, in the browser or with a code where there is none:

  {command} login --profile demo
  {command} accounts --profile demo
  {command} credentials --profile demo --format env
  {command} exec --profile demo -- aws sts get-caller-identity

With boto3:

  import boto3
  oidc = boto3.client("sso-oidc", region_name="{person.region}", endpoint_url="{person.endpoint}")
  client = oidc.register_client(clientName="my tool", clientType="public", scopes=["sso:account:access"])
  me = {{"clientId": client["clientId"], "clientSecret": client["clientSecret"]}}
  device = oidc.start_device_authorization(**me, startUrl="{person.start_url}")
  input(f"Open {{device['verificationUriComplete']}}, approve, then press Enter ")
  grant = "urn:ietf:params:oauth:grant-type:device_code"
  print(oidc.create_token(**me, grantType=grant, deviceCode=device["deviceCode"])["expiresIn"], "seconds")

As an application that signs with IAM credentials, with boto3 (docs/applications.md has the other grants):

{_application_example(person, folder)}

With curl:

{_curl(person)}

Stop with Ctrl-C. Everything is kept in {folder.parent}
"""


def _own_command() -> str:
    """How a shell calls what runs now."""
    called = Path(sys.argv[0]).absolute()
    is_script = called.is_file() and called.suffix != ".py"
    return shlex.join([str(called)] if is_script else [sys.executable, "-m", "postern"])


def _application_example(person: DemoUser, folder: Path) -> str:
    return f"""
  import base64, hashlib, json, secrets, urllib.parse, boto3
  app = json.load(open("{folder / "application.json"}"))
  keys = {{"aws_access_key_id": app["access_key_id"], "aws_secret_access_key": app["secret_access_key"]}}
  oidc = boto3.client("sso-oidc", region_name="{person.region}", endpoint_url="{person.endpoint}", **keys)
  verifier = secrets.token_urlsafe(48)
  digest = hashlib.sha256(verifier.encode()).digest()
  challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
  asked = {{"response_type": "code", "client_id": app["application_arn"], "redirect_uri": app["redirect_uri"],
           "state": "demo", "code_challenge": challenge, "code_challenge_method": "S256"}}
  print("Open {person.endpoint}/authorize?" + urllib.parse.urlencode(asked))
  back = urllib.parse.urlsplit(input("Approve, then paste the address that the browser ends at: "))
  code = urllib.parse.parse_qs(back.query)["code"][0]
  me = {{"clientId": app["application_arn"], "redirectUri": app["redirect_uri"], "codeVerifier": verifier}}
  tokens = oidc.create_token_with_iam(**me, grantType="authorization_code", code=code)
  print(tokens["scope"], tokens["expiresIn"], "seconds")
""".strip("\n")


def _curl(person: DemoUser) -> str:
    return rf"""
  post() {{ curl -s -H 'Content-Type: application/json' -d "$2" "{person.endpoint}$1"; echo; }}
  field() {{ echo "$1" | sed -E 's/.*"'"$2"'":"([^"]+)".*/\1/'; }}
  client=$(post /client/register '{{"clientName":"curl","clientType":"public","scopes":["sso:account:access"]}}')
  me='"clientId":"'$(field "$client" clientId)'","clientSecret":"'$(field "$client" clientSecret)'"'
  device=$(post /device_authorization "{{$me"',"startUrl":"{person.start_url}"}}')
  echo "open $(field "$device" verificationUriComplete) and approve, then:"
  grant='"grantType":"urn:ietf:params:oauth:grant-type:device_code"'
  post /token "{{$me,$grant"',"deviceCode":"'$(field "$device" deviceCode)'"}}'
""".strip("\n")
