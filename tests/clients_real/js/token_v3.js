// Prints the token that v3's SSO token provider gives for AWS_PROFILE, refreshed if it is about to expire.
// The endpoint is the one of the profile's `services` section.
'use strict';

const { fromSso } = require('@aws-sdk/token-providers');

fromSso()().then(({ token }) => process.stdout.write(JSON.stringify({ token })));
