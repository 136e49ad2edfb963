// Prints whom v3's SSO credentials for AWS_PROFILE make the caller: node caller_v3.js ENDPOINT
// fromSSO reads the endpoint of the profile's `services` section.
'use strict';

const { fromSSO } = require('@aws-sdk/credential-providers');
const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');

const sts = new STSClient({ endpoint: process.argv[2], credentials: fromSSO({ profile: process.env.AWS_PROFILE }) });
sts.send(new GetCallerIdentityCommand({})).then(({ Account, Arn }) => {
  process.stdout.write(JSON.stringify({ Account, Arn }));
});
