"""An authorization server by Authlib and Flask, as Authlib's documentation lays it out: client, token and device
credential are SQLAlchemy models, grants and endpoints are subclasses that say where those are kept.

``gunicorn authlib_app:app`` serves it; ``python authlib_app.py CODES TOKENS`` prints so many pending device codes and
live refresh tokens as JSON. ``BENCH_DATABASE`` is the SQLite file: WAL, synchronised in full at every commit.
"""

import json
import os
import sys
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialMixin,
)
from flask import Flask, Response
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Integer, String, Text, event

DATABASE = os.environ["BENCH_DATABASE"]
CLIENT_ID, CLIENT_SECRET = "bench", "bench-secret-of-forty-three-characters-or-so"
SCOPE = "accounts"
USER = "bench"

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{DATABASE}"
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
db = SQLAlchemy(app)


class User(db.Model):
    id = Column(Integer, primary_key=True)
    name = Column(String(40), unique=True)

    def get_user_id(self) -> int:
        return self.id


class Client(db.Model, OAuth2ClientMixin):
    id = Column(Integer, primary_key=True)


class Token(db.Model, OAuth2TokenMixin):
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey("user.id"))
    user = db.relationship("User")

    def is_refresh_token_active(self) -> bool:
        return not self.refresh_token_revoked_at


class DeviceCredential(db.Model, DeviceCredentialMixin):
    id = Column(Integer, primary_key=True)
    client_id = Column(String(48), nullable=False)
    scope = Column(Text, nullable=False)
    device_code = Column(String(48), unique=True, nullable=False)
    user_code = Column(String(16), unique=True, nullable=False)
    expires_at = Column(Integer, nullable=False)
    approved_by = Column(Integer, ForeignKey("user.id"))

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.expires_at < time.time()


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    def get_verification_uri(self) -> str:
        return "http://127.0.0.1/activate"

    def save_device_credential(self, client_id: str, scope: str, data: dict) -> None:
        credential = DeviceCredential(
            client_id=client_id,
            scope=scope,
            device_code=data["device_code"],
            user_code=data["user_code"],
            expires_at=int(time.time()) + data["expires_in"],
        )
        db.session.add(credential)
        db.session.commit()


class DeviceCode(DeviceCodeGrant):
    def query_device_credential(self, device_code: str) -> DeviceCredential | None:
        return DeviceCredential.query.filter_by(device_code=device_code).first()

    def query_user_grant(self, user_code: str) -> tuple[User, bool] | None:
        credential = DeviceCredential.query.filter_by(user_code=user_code).first()
        if credential is None or credential.approved_by is None:
            return None
        return db.session.get(User, credential.approved_by), True

    def should_slow_down(self, credential: DeviceCredential) -> bool:
        return False


class RefreshToken(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = Token.query.filter_by(refresh_token=refresh_token).first()
        return token if token and token.is_refresh_token_active() else None

    def authenticate_user(self, credential: Token) -> User:
        return credential.user

    def revoke_old_credential(self, credential: Token) -> None:
        credential.access_token_revoked_at = credential.refresh_token_revoked_at = int(time.time())
        db.session.add(credential)
        db.session.commit()


class ClientRegistration(ClientRegistrationEndpoint):
    def authenticate_token(self, request: object) -> object:
        return True

    def get_server_metadata(self) -> dict:
        return {}

    def save_client(self, client_info: dict, client_metadata: dict, request: object) -> Client:
        client = Client(**client_info)
        client.set_client_metadata(client_metadata)
        db.session.add(client)
        db.session.commit()
        return client


server = AuthorizationServer(
    app, query_client=create_query_client_func(db.session, Client), save_token=create_save_token_func(db.session, Token)
)
server.register_grant(DeviceCode)
server.register_grant(RefreshToken)
server.register_endpoint(DeviceAuthorization)
server.register_endpoint(ClientRegistration)


@app.post("/token")
def token() -> Response:
    return server.create_token_response()


@app.post("/device_authorization")
def device_authorization() -> Response:
    return server.create_endpoint_response(DeviceAuthorization.ENDPOINT_NAME)


@app.post("/register")
def register() -> Response:
    return server.create_endpoint_response(ClientRegistration.ENDPOINT_NAME)


def set_up() -> None:
    db.create_all()
    if User.query.count():
        return
    client = Client(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, client_id_issued_at=int(time.time()))
    client.set_client_metadata(
        {
            "grant_types": [DEVICE_CODE_GRANT_TYPE, "refresh_token"],
            "token_endpoint_auth_method": "client_secret_post",
            "scope": SCOPE,
        }
    )
    db.session.add_all([client, User(name=USER)])
    db.session.commit()


def seeds(codes: int, tokens: int) -> dict:
    user, now, run = User.query.filter_by(name=USER).one(), int(time.time()), time.time_ns()
    credentials = [
        DeviceCredential(
            client_id=CLIENT_ID,
            scope=SCOPE,
            device_code=f"device-code-{run}-{number}",
            user_code=f"{run % 10**9}-{number}",
            expires_at=now + 3600,
        )
        for number in range(codes)
    ]
    issued = [
        Token(
            client_id=CLIENT_ID,
            user_id=user.id,
            token_type="Bearer",
            scope=SCOPE,
            access_token=f"access-token-{run}-{number}",
            refresh_token=f"refresh-token-{run}-{number}",
            issued_at=now,
            expires_in=3600,
        )
        for number in range(tokens)
    ]
    db.session.add_all(credentials + issued)
    db.session.commit()
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "device_codes": [credential.device_code for credential in credentials],
        "refresh_tokens": [token.refresh_token for token in issued],
    }


with app.app_context():

    @event.listens_for(db.engine, "connect")
    def durable(connection: object, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")

    set_up()
    if __name__ == "__main__":
        print(json.dumps(seeds(int(sys.argv[1]), int(sys.argv[2]))))
