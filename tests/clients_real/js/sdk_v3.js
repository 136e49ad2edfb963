// The AWS SDK for JavaScript v3 (client-sso-oidc, client-sso): node sdk_v3.js ENDPOINT
'use strict';

const oidcSdk = require('@aws-sdk/client-sso-oidc');
const ssoSdk = require('@aws-sdk/client-sso');
const { serve } = require('./lines.js');

const endpoint = process.argv[2];
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'an example' };
const oidc = new oidcSdk.SSOOIDCClient({ region: 'us-east-1', endpoint, credentials });
const sso = new ssoSdk.SSOClient({ region: 'us-east-1', endpoint });

async function call(operation, input) {
  const [client, sdk] = operation === 'Logout' ? [sso, ssoSdk] : [oidc, oidcSdk];
  const { $metadata, ...output } = await client.send(new sdk[`${operation}Command`](input));
  return output;
}

// Typed: an instance of the class that the SDK exports under the error's name.
function isTyped(error) {
  const shape = oidcSdk[error.name] ?? ssoSdk[error.name];
  return shape !== undefined && error instanceof shape;
}

serve(call, (error) => ({
  name: error.name,
  status: error.$metadata?.httpStatusCode,
  error: error.error,
  error_description: error.error_description,
  message: error.message,
  typed: isTyped(error),
}));
