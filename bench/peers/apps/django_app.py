"""An authorization server by django-oauth-toolkit, one file of Django: device flow, rotating refresh tokens, open
registration; everything else as it comes.

``gunicorn django_app:application`` serves it; ``python django_app.py CODES TOKENS`` prints so many pending device codes
and live refresh tokens as JSON. ``BENCH_DATABASE`` is the SQLite file: WAL, synchronised in full at every commit. The
client is public, as in the toolkit's own example of the device flow: the secret of a confidential one goes through
Django's password hasher at every request.
"""

import json
import os
import sys
import time
from datetime import timedelta

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

CLIENT_ID, SCOPE, USER = "bench", "accounts", "bench"

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", "timeout": 5},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    OAUTH2_PROVIDER={
        "SCOPES": {SCOPE: "the accounts"},
        "DCR_ENABLED": True,
        "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
        "OAUTH_DEVICE_VERIFICATION_URI": "http://127.0.0.1/o/device",
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench-only",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import AccessToken, Application, DeviceGrant, RefreshToken  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
application = get_wsgi_application()


def set_up() -> None:
    call_command("migrate", verbosity=0)
    if User.objects.exists():
        return
    user = User.objects.create_user(USER)
    Application.objects.create(
        client_id=CLIENT_ID,
        user=user,
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
    )


def seeds(codes: int, tokens: int) -> dict:
    user, client = User.objects.get(username=USER), Application.objects.get(client_id=CLIENT_ID)
    expires, run = timezone.now() + timedelta(hours=1), time.time_ns()
    grants = DeviceGrant.objects.bulk_create(
        DeviceGrant(
            client_id=CLIENT_ID,
            device_code=f"device-code-{run}-{number}",
            user_code=f"{run}-{number}",
            scope=SCOPE,
            expires=expires,
        )
        for number in range(codes)
    )
    for number in range(tokens):
        access = AccessToken.objects.create(
            user=user, application=client, token=f"access-token-{run}-{number}", scope=SCOPE, expires=expires
        )
        RefreshToken.objects.create(
            user=user, application=client, token=f"refresh-token-{run}-{number}", access_token=access
        )
    return {
        "client_id": CLIENT_ID,
        "client_secret": "",
        "device_codes": [grant.device_code for grant in grants],
        "refresh_tokens": [f"refresh-token-{run}-{number}" for number in range(tokens)],
    }


if __name__ == "__main__":
    set_up()
    print(json.dumps(seeds(int(sys.argv[1]), int(sys.argv[2]))))
