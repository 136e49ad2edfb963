// The AWS SDK for JavaScript v2 (AWS.SSOOIDC, AWS.SSO): node sdk_v2.js ENDPOINT
'use strict';

const { setClock } = require('./clock.js');

setClock();
const AWS = require('aws-sdk');
const { serve } = require('./lines.js');

const options = { endpoint: process.argv[2], correctClockSkew: process.env.CLOCK_OFFSET !== '0' };
const oidc = new AWS.SSOOIDC(options);
const sso = new AWS.SSO(options);

function call(operation, input) {
  const method = operation[0].toLowerCase() + operation.slice(1);
  return (method in sso ? sso : oidc)[method](input).promise();
}

serve(call, (error) => ({
  name: error.code,
  status: error.statusCode,
  error: error.error,
  error_description: error.error_description,
  message: error.message,
  endpoint: error.endpoint,
  region: error.region,
  typed: error instanceof Error,
}));
