"""Prints whom boto3's own credentials for AWS_PROFILE make the caller: python caller_boto3.py

A program of its own, since botocore looks for the token cache in the home folder that it finds when it is imported.
"""

import json

import boto3

answer = boto3.client("sts").get_caller_identity()
print(json.dumps({name: answer[name] for name in ("Account", "Arn", "UserId")}))
