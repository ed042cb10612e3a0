import type { IncomingHttpHeaders } from 'node:http';
import { isWellFormedVirtualKey } from '@weir/kernel/virtual-key';

/** What a client shows to say who it is. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'accessToken'; readonly value: string }
  | { readonly kind: 'apiKey'; readonly value: string }
  | { readonly kind: 'malformed'; readonly reason: string };

const NONE: Credential = { kind: 'none' };
/** Beyond this no token of ours is meant, and hashing it for the cache would only cost time. */
const LENGTH_MAX = 4_096;

function apiKeyCredential(value: string): Credential {
  return isWellFormedVirtualKey(value)
    ? { kind: 'apiKey', value }
    : { kind: 'malformed', reason: 'The API key is not complete: it is `sk-Xvs` and 45 more characters.' };
}

function bearerCredential(authorization: string): Credential {
  const match = /^Bearer +(\S+)$/i.exec(authorization.trim());
  const token = match?.[1];
  if (token === undefined || token.length > LENGTH_MAX) {
    return {
      kind: 'malformed',
      reason: 'The Authorization header must be `Bearer <access token or API key>`.',
    };
  }
  return token.startsWith('sk-') ? apiKeyCredential(token) : { kind: 'accessToken', value: token };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** `X-API-Key`, else `Authorization: Bearer` with an access token or an API key. */
export function credentialOfHeaders(
  headers: IncomingHttpHeaders | Readonly<Record<string, unknown>>,
): Credential {
  const apiKey = textOf(headers['x-api-key']);
  if (apiKey !== undefined) return apiKeyCredential(apiKey.trim());
  const authorization = textOf(headers['authorization']);
  return authorization === undefined ? NONE : bearerCredential(authorization);
}

/**
 * The payload of `connection_init`: `{ authorization }`, `{ apiKey }` or `{ headers: { … } }`, names in any case.
 * Browsers cannot set headers on a WebSocket; other clients may, so the headers of the upgrade are the last resort.
 */
export function credentialOfConnection(
  params: Readonly<Record<string, unknown>> | undefined,
  upgradeHeaders: IncomingHttpHeaders,
): Credential {
  const own = byLowerCase(params);
  const nested = byLowerCase(own['headers']);
  const apiKey = textOf(own['apikey']);
  const candidates = [
    apiKey === undefined ? NONE : apiKeyCredential(apiKey),
    credentialOfHeaders(own),
    credentialOfHeaders(nested),
    credentialOfHeaders(upgradeHeaders),
  ];
  return candidates.find((candidate) => candidate.kind !== 'none') ?? NONE;
}

function byLowerCase(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toLowerCase(), member as unknown]),
  );
}
