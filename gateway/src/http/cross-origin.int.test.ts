import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { personOf, startTestPlatform, type TestPlatform } from '../test-platform.ts';

const PORTAL = 'https://portal.example';
const CONSOLE = 'http://console.example:8080';
const STRANGERS = [
  'https://evil.example',
  'http://portal.example',
  'https://portal.example:8443',
  'https://portal.example.evil.example',
  'https://PORTAL.example',
  'null',
];

let platform: TestPlatform;

beforeAll(async () => {
  platform = await startTestPlatform({
    PUBLIC_URL: 'https://weir.example',
    ALLOWED_ORIGINS: `${PORTAL}/, ${CONSOLE}`,
  });
  platform.actors.set('token', personOf(newUuid()));
});
afterAll(() => platform.stop());

const preflight = (origin: string, url = platform.url): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-weir-session',
    },
  });

const ask = (headers: Record<string, string>, body = '{"query":"{ viewerName }"}'): Promise<Response> =>
  fetch(platform.url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

/** What a browser looks at to decide whether the page may read the answer. */
const permissionIn = ({ headers }: Response) => ({
  origin: headers.get('access-control-allow-origin'),
  credentials: headers.get('access-control-allow-credentials'),
  vary: headers.get('vary'),
});
const NOTHING = { origin: null, credentials: null, vary: 'Origin' };
const allowing = (origin: string) => ({ origin, credentials: 'true', vary: 'Origin' });

describe('pages of allowed origins', () => {
  it.each([PORTAL, CONSOLE])('may ask with JSON, credentials and cookies: %s', async (origin) => {
    const response = await preflight(origin);
    expect([response.status, permissionIn(response)]).toEqual([204, allowing(origin)]);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST');
    const headers = response.headers.get('access-control-allow-headers')?.split(', ');
    expect(headers).toEqual(
      expect.arrayContaining(['content-type', 'authorization', 'x-api-key', 'x-weir-session']),
    );
  });

  it('may read answers, also to the cookie of a session', async () => {
    const response = await ask({ origin: PORTAL, cookie: '__Host-weir-access=token' });
    expect([response.status, permissionIn(response)]).toEqual([200, allowing(PORTAL)]);
    expect(response.headers.get('access-control-expose-headers')).toContain('x-request-id');
    expect(await response.text()).toContain('"viewerName":');
  });

  it('may read refusals: of a credential, and of a body that is none', async () => {
    const unknown = await ask({ origin: PORTAL, authorization: 'Bearer unknown' });
    expect([unknown.status, permissionIn(unknown)]).toEqual([401, allowing(PORTAL)]);
    const broken = await ask({ origin: PORTAL }, '{');
    expect([broken.status, permissionIn(broken)]).toEqual([400, allowing(PORTAL)]);
  });
});

describe('pages of every other origin', () => {
  it.each(STRANGERS)('are allowed nothing: %s', async (origin) => {
    const asked = await preflight(origin);
    expect([asked.status, permissionIn(asked)]).toEqual([404, NOTHING]);
    expect(asked.headers.get('access-control-allow-headers')).toBeNull();
    expect(permissionIn(await ask({ origin, authorization: 'Bearer token' }))).toEqual(NOTHING);
  });

  it('have cookies refused as before, and programs without an origin are answered as before', async () => {
    const forged = await ask({ origin: 'https://evil.example', cookie: '__Host-weir-access=token' });
    expect([forged.status, permissionIn(forged)]).toEqual([403, NOTHING]);
    const program = await ask({ authorization: 'Bearer token' });
    expect([program.status, permissionIn(program)]).toEqual([200, NOTHING]);
  });
});

it('allowed origins are allowed GraphQL alone', async () => {
  const response = await preflight(PORTAL, new URL('/oauth/token', platform.url).href);
  expect(permissionIn(response)).toEqual({ origin: null, credentials: null, vary: null });
});
