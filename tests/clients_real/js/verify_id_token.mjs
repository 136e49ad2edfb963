// Verifies an ID token with the npm package jose. Standard input: {token, jwks, issuer, audience, algorithms}; output:
// {header, payload}, or {error} with jose's code.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// NODE_PATH, which says where the packages are, holds for require and not for import.
const { createLocalJWKSet, jwtVerify } = createRequire(import.meta.url)("jose");

const { token, jwks, issuer, audience, algorithms } = JSON.parse(readFileSync(0, "utf8"));
const options = { issuer, audience, algorithms, typ: "JWT", requiredClaims: ["sub", "iat", "exp", "auth_time"] };
try {
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), options);
  console.log(JSON.stringify({ header: protectedHeader, payload }));
} catch (error) {
  console.log(JSON.stringify({ error: error.code ?? String(error) }));
}
