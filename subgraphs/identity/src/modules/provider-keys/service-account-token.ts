import { importPKCS8, SignJWT } from 'jose';
import { z } from 'zod';
import { serviceAccountSchema } from '@weir/contracts/provider-config';
import type { ProbeRequest } from './probe-request.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const LIFE_SECONDS = 300;

const tokenSchema = z.object({ access_token: z.string().min(1) });

/** Exchanges a service account's key for an access token (RFC 7523), as the proxy does before it calls Vertex AI. */
export async function accessTokenRequest(secret: string, nowMs: number): Promise<ProbeRequest> {
  const account = serviceAccountSchema.parse(JSON.parse(secret));
  const nowSeconds = Math.floor(nowMs / 1_000);
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', ...(account.private_key_id ? { kid: account.private_key_id } : {}) })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + LIFE_SECONDS)
    .sign(await importPKCS8(account.private_key, 'RS256'));
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  return {
    method: 'POST',
    url: account.token_uri,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(grant).toString(),
  };
}

/** Undefined when the answer holds none. */
export function readAccessToken(body: string): string | undefined {
  try {
    return tokenSchema.parse(JSON.parse(body)).access_token;
  } catch {
    return undefined;
  }
}
