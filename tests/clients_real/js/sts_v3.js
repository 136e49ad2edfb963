// The AWS SDK for JavaScript v3 (client-sts): node sts_v3.js ENDPOINT
'use strict';

const { STSClient, STSServiceException, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
const { serve } = require('./lines.js');

const sts = new STSClient({ endpoint: process.argv[2] });

async function call() {
  const { $metadata, ...output } = await sts.send(new GetCallerIdentityCommand({}));
  return output;
}

serve(call, (error) => ({
  name: error.name,
  status: error.$metadata?.httpStatusCode,
  message: error.message,
  typed: error instanceof STSServiceException,
}));
