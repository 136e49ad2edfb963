"""What the tests of calls send and are answered."""

from postern.client.errors import ConnectionBroken
from postern.client.http import HttpResponse
from tests.client.fakes import answer, refusal

REFRESH = {"client_id": "id", "client_secret": "s", "grant_type": "refresh_token", "refresh_token": "aor"}
WIRE_REFRESH = {"clientId": "id", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "aor"}
REGISTRATION = {"clientName": "a tool", "clientType": "public"}
IAM = {"clientId": "arn:aws:sso::111122223333:application/a/b", "grantType": "refresh_token", "refreshToken": "aor"}
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "region": "us-east-1"}
TOKEN = answer(200, {"accessToken": "aoa", "expiresIn": 3600}, x_amzn_requestid="request-2")
BROKEN = ConnectionBroken("cut off")
SERVER_ERROR = refusal("InternalServerException", "server_error", 500)


def redirect(location: str, status: int = 307) -> HttpResponse:
    return HttpResponse(status=status, headers={"location": location})
