// Prints whom v2's SSO credentials for AWS_PROFILE make the caller: node caller_v2.js ENDPOINT
// v2 knows no endpoint variables; endpoints are set as service-specific configuration. It reads ~/.aws/config if told to.
'use strict';

process.env.AWS_SDK_LOAD_CONFIG = '1';

const AWS = require('aws-sdk');

const endpoint = process.argv[2];
AWS.config.update({ region: 'us-east-1', ssooidc: { endpoint }, sso: { endpoint } });
const credentials = new AWS.SsoCredentials({ ssoClient: new AWS.SSO() });
credentials.get((failure) => {
  if (failure) throw failure;
  new AWS.STS({ endpoint, credentials }).getCallerIdentity((error, { Account, Arn } = {}) => {
    if (error) throw error;
    process.stdout.write(JSON.stringify({ Account, Arn }));
  });
});
