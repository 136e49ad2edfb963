// The AWS SDK for JavaScript v3 (client-sso-oidc, client-sso): node sdk_v3.js ENDPOINT
'use strict';

const { setClock } = require('./clock.js');

setClock();
const oidcSdk = require('@aws-sdk/client-sso-oidc');
const ssoSdk = require('@aws-sdk/client-sso');
const { serve } = require('./lines.js');

const endpoint = process.argv[2];
const oidc = new oidcSdk.SSOOIDCClient({ endpoint });
const sso = new ssoSdk.SSOClient({ endpoint });

async function call(operation, input) {
  const command = `${operation}Command`;
  const [client, sdk] = command in ssoSdk ? [sso, ssoSdk] : [oidc, oidcSdk];
  const { $metadata, ...output } = await client.send(new sdk[command](input));
  return output;
}

// Typed: an instance of the class that the SDK exports under the error's name.
function isTyped(error) {
  return [oidcSdk, ssoSdk].some((sdk) => error.name in sdk && error instanceof sdk[error.name]);
}

serve(call, (error) => ({
  name: error.name,
  status: error.$metadata?.httpStatusCode,
  error: error.error,
  error_description: error.error_description,
  message: error.message,
  endpoint: error.endpoint,
  region: error.region,
  typed: isTyped(error),
}));
