"""Prints who AWS_PROFILE is and which buckets they have, as boto3 finds out with nothing but that profile.

A program of its own, since botocore looks for the token cache in the home folder that it finds when it is imported.
"""

import json

import boto3

session = boto3.Session()
identity = session.client("sts").get_caller_identity()
buckets = [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]
print(json.dumps({"account": identity["Account"], "arn": identity["Arn"], "buckets": buckets}))
