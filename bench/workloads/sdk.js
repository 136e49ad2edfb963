// The AWS SDKs for JavaScript: node sdk.js v2|v3 WORKLOAD ENDPOINT SECONDS. NODE_PATH says where they are.
'use strict';

const [version, workload, endpoint, seconds] = process.argv.slice(2);
const registration = { clientName: 'bench', clientType: 'public', scopes: ['sso:account:access'] };
const poll = {
  clientId: 'c'.repeat(300),
  clientSecret: 's'.repeat(80),
  grantType: 'urn:ietf:params:oauth:grant-type:device_code',
  deviceCode: 'd'.repeat(86),
};

function calls() {
  if (version === 'v2') {
    const SSOOIDC = require('aws-sdk/clients/ssooidc');
    const { Agent } = require('node:http');
    const agent = new Agent({ keepAlive: true });
    const client = new SSOOIDC({ region: 'us-east-1', endpoint, httpOptions: { agent } });
    return {
      register: () => client.registerClient(registration).promise(),
      poll: () => client.createToken(poll).promise(),
      done: () => agent.destroy(),
    };
  }
  const { SSOOIDC } = require('@aws-sdk/client-sso-oidc');
  const client = new SSOOIDC({ region: 'us-east-1', endpoint });
  return {
    register: () => client.registerClient(registration),
    poll: () => client.createToken(poll),
    done: () => client.destroy(),
  };
}

const client = calls();
const once = {
  cold: client.register,
  calls: client.register,
  parallel: client.register,
  errors: () =>
    client.poll().then(
      () => { throw new Error('the error is missing'); },
      (error) => { if ((error.code || error.name) !== 'AuthorizationPendingException') throw error; },
    ),
}[workload];

async function main() {
  if (workload === 'cold') {
    await once();
    return client.done();
  }
  for (let i = 0; i < 50; i++) await once();
  const started = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - started) / 1e9;
  let count = 0;
  const worker = async () => {
    while (elapsed() < Number(seconds)) { await once(); count++; }
  };
  await Promise.all(Array.from({ length: workload === 'parallel' ? 32 : 1 }, worker));
  const memory = /VmHWM:\s+(\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1] / 1024;
  process.stdout.write(`${JSON.stringify({ calls: count, seconds: elapsed(), memory })}\n`);
  client.done();
}

main().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
