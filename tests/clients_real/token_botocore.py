"""Prints the token that botocore's SSO token provider gives for AWS_PROFILE, refreshed if it is about to expire.

A program of its own, since botocore looks for the token cache in the home folder that it finds when it is imported. It
says when it is ready and goes on after a line of input, so that several can go on together.
"""

import json
import sys

import botocore.session

session = botocore.session.Session()
session.create_client("sso-oidc").close()  # what takes long is loaded before
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps({"token": session.get_auth_token().get_frozen_token().token}))
