import type { IncomingHttpHeaders } from 'node:http';

/** As nearly every client writes it. */
const USUAL = 'Bearer ';
const BEARER = /^bearer +/i;

/** The API key as the client sent it: `X-API-Key` first, else `Authorization: Bearer`. Undefined when neither is there. */
export function apiKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own.trim() !== '') return own.trim();
  const authorization = headers.authorization;
  if (authorization === undefined) return undefined;
  if (!authorization.startsWith(USUAL) && !BEARER.test(authorization)) return undefined;
  const token = authorization.slice(USUAL.length).trim();
  return token === '' ? undefined : token;
}
