import { createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';
import { serviceAccountSchema, type ServiceAccount } from '@weir/contracts/provider-config';
import type { Clock } from '@weir/kernel/clock';
import { err, ok, type Result } from '@weir/kernel/result';
import { failureOfError, failureOfStatus, type Failure } from './failure.ts';
import type { OriginPools } from './origin-pools.ts';

export interface AccessToken {
  readonly text: string;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** Exchanges a service account's key for an access token. Nothing of the key or the token is in a failure. */
export type ExchangeToken = (keyFile: string) => Promise<Result<AccessToken, Failure>>;

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** The longest that Google lets an assertion live. */
const ASSERTION_SECONDS = 3_600;
const EXCHANGE_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 65_536;

const tokenSchema = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.number().positive().max(86_400),
});

export function createTokenExchange(pools: OriginPools, clock: Clock): ExchangeToken {
  return async (keyFile) => {
    const account = readAccount(keyFile);
    if (!account) return err({ kind: 'unusable' });
    const assertion = signedAssertion(account, Math.floor(clock.now() / 1_000));
    if (assertion === undefined) return err({ kind: 'unusable' });
    const askedAtMs = clock.now();
    try {
      const answer = await post(pools, new URL(account.token_uri), assertion);
      if (answer.status !== 200) return err(refusalOf(answer.status, answer.headers, answer.text, askedAtMs));
      const token = readToken(answer.text);
      if (!token) return err({ kind: 'broken', status: answer.status });
      return ok({ text: token.access_token, expiresAtMs: askedAtMs + token.expires_in * 1_000 });
    } catch (thrown) {
      return err(failureOfExchange(thrown));
    }
  };
}

function readAccount(keyFile: string): ServiceAccount | undefined {
  try {
    const account = serviceAccountSchema.safeParse(JSON.parse(keyFile));
    return account.data;
  } catch {
    return undefined;
  }
}

function readToken(text: string): z.output<typeof tokenSchema> | undefined {
  try {
    return tokenSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** @returns Undefined when the private key is none. */
function signedAssertion(account: ServiceAccount, nowSeconds: number): string | undefined {
  const header = { alg: 'RS256', typ: 'JWT', kid: account.private_key_id };
  const claims = {
    iss: account.client_email,
    scope: SCOPE,
    aud: account.token_uri,
    iat: nowSeconds,
    exp: nowSeconds + ASSERTION_SECONDS,
  };
  const signed = `${base64url(header)}.${base64url(claims)}`;
  try {
    const signature = sign('RSA-SHA256', Buffer.from(signed), createPrivateKey(account.private_key));
    return `${signed}.${signature.toString('base64url')}`;
  } catch {
    return undefined;
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Through the same pools as every request, so that the same rules say which addresses may be called. */
async function post(pools: OriginPools, url: URL, assertion: string) {
  const answer = await pools.of(url.origin).request({
    method: 'POST',
    path: `${url.pathname}${url.search}`,
    headers: ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json'],
    body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString(),
    signal: AbortSignal.timeout(EXCHANGE_TIMEOUT_MS),
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer.body as AsyncIterable<Buffer>) {
    bytes += part.length;
    // Leaving the loop closes the connection.
    if (bytes > ANSWER_BYTES_MAX) break;
    parts.push(part);
  }
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text: Buffer.concat(parts).toString('utf8'),
  };
}

/** How Google says that the assertion is from another time: the fault of this machine's clock, and not of the key. */
const WRONG_TIME = /reasonable timeframe/i;

/** 400 is how OAuth refuses a key that was deleted or disabled. */
function refusalOf(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
  nowMs: number,
): Failure {
  if (status !== 400) return failureOfStatus(status, headers, text, nowMs);
  return WRONG_TIME.test(text) ? { kind: 'unusable' } : { kind: 'refused', status };
}

/** The request for an answer was never sent, so nothing of it can have been billed. */
function failureOfExchange(thrown: unknown): Failure {
  if (thrown instanceof Error && thrown.name === 'TimeoutError') return { kind: 'timeout', wasSent: false };
  const failure = failureOfError(thrown instanceof Error ? thrown : new Error(String(thrown)));
  return failure.kind === 'timeout' ? { kind: 'timeout', wasSent: false } : failure;
}
