// node-oidc-provider as its users run it, on its in-memory adapter: device flow, rotating refresh tokens, open registration.
// node node_oidc_provider.mjs PORT: the provider is at PORT; POST to PORT + 1 answers new seeds, which only this process
// can make, since they are in its memory.
import { createServer } from "node:http";
import { createRequire } from "node:module";

// NODE_PATH, which says where the packages are, holds for require and not for import.
const { Provider } = createRequire(import.meta.url)("oidc-provider");

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const deviceCode = "urn:ietf:params:oauth:grant-type:device_code";
const scope = "accounts offline_access";
const client = {
  client_id: "bench",
  client_secret: "bench-secret-of-forty-three-characters-or-so",
  token_endpoint_auth_method: "client_secret_post",
  grant_types: [deviceCode, "refresh_token"],
  response_types: [],
  redirect_uris: [],
  scope,
};

const provider = new Provider(issuer, {
  clients: [client],
  scopes: ["openid", "offline_access", "accounts"],
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    registration: { enabled: true },
  },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
});

async function seeds({ codes, tokens }) {
  const found = await provider.Client.find(client.client_id);
  const make = (count, one) => Promise.all(Array.from({ length: count }, one));
  return {
    client_id: client.client_id,
    client_secret: client.client_secret,
    device_codes: await make(codes, () => pending(found)),
    refresh_tokens: await make(tokens, (_, number) => refreshable(found, `person-${number}`)),
  };
}

function pending(found) {
  const userCode = Math.random().toString(36).slice(2).toUpperCase();
  return new provider.DeviceCode({ client: found, params: { scope }, userCode, deviceInfo: {} }).save();
}

async function refreshable(found, accountId) {
  const grant = new provider.Grant({ accountId, clientId: found.clientId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  return new provider.RefreshToken({ accountId, client: found, grantId, gty: deviceCode, scope }).save();
}

createServer(async (request, response) => {
  const chunks = await request.toArray();
  response.end(JSON.stringify(await seeds(JSON.parse(Buffer.concat(chunks).toString()))));
}).listen(port + 1, "127.0.0.1");
provider.listen(port, "127.0.0.1");
