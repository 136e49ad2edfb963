// Prints the token that v2's SSO token provider gives for AWS_PROFILE, refreshed if it is about to expire: node token_v2.js ENDPOINT
// v2 knows no endpoint variables; the endpoint is set as its service-specific configuration.
'use strict';

const AWS = require('aws-sdk');

AWS.config.update({ ssooidc: { endpoint: process.argv[2] } });
const provider = new AWS.SSOTokenProvider();
provider.get((error) => {
  if (error) throw error;
  process.stdout.write(JSON.stringify({ token: provider.token }));
});
