import { describe, expect, it } from 'vitest';
import { createBrowser } from './browser.ts';
import { createIsOwnPage } from './own-page.ts';
import { createSessionCookies } from './session-cookies.ts';

const cookies = createSessionCookies(true);
const browser = createBrowser(
  cookies,
  createIsOwnPage({ origins: ['https://weir.example', 'https://portal.example/', ''], anyName: false }),
);
const cookie = 'theme=dark; __Host-weir-access=a.b.c; __Host-weir-refresh=wrt_x';
const fromCookie = {
  credential: { kind: 'accessToken', value: 'a.b.c' },
  isCookie: true,
  refreshToken: 'wrt_x',
};

describe('cookies of a session', () => {
  it.each([
    ['the gateway’s own', { origin: 'https://weir.example' }],
    ['an allowed', { origin: 'https://portal.example', 'sec-fetch-site': 'same-site' }],
    ['the very same', { 'sec-fetch-site': 'same-origin' }],
  ])('count on a request of a page of %s origin', (_name, headers) => {
    expect(browser.ofRequest({ cookie, ...headers })).toMatchObject(fromCookie);
    expect(browser.ofSocket(undefined, { cookie, ...headers })).toMatchObject(fromCookie);
  });

  it.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { origin: 'https://blog.weir.example', 'sec-fetch-site': 'same-site' }],
    ['the same host without TLS', { origin: 'http://weir.example' }],
    ['the same host on another port', { origin: 'https://weir.example:8443' }],
    ['a name that begins like ours', { origin: 'https://weir.example.evil.example' }],
    ['a sandbox', { origin: 'null' }],
    ['nobody knows where', {}],
    ['a link in a mail', { 'sec-fetch-site': 'none' }],
  ])('are refused from %s', (_name, headers) => {
    expect(() => browser.ofRequest({ cookie, ...headers })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    expect(() => browser.ofSocket({}, { cookie, ...headers })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
  });

  it('count under any name of a machine without TLS, and for nobody who only claims its name', () => {
    const plain = createBrowser(
      createSessionCookies(false),
      createIsOwnPage({ origins: ['http://localhost:4000'], anyName: true }),
    );
    const ask = (origin: string) =>
      plain.ofSocket({}, { cookie: 'weir-access=a.b.c', host: '127.0.0.1:4000', origin });
    expect(ask('http://127.0.0.1:4000').isCookie).toBe(true);
    expect(ask('http://localhost:4000').isCookie).toBe(true);
    expect(() => ask('http://127.0.0.1:4001')).toThrow();
    expect(() => ask('https://evil.example')).toThrow();
  });

  it('are given to pages of ours only', () => {
    const asking = { 'x-weir-session': 'cookie' };
    expect(browser.ofRequest({ ...asking, origin: 'https://weir.example' }).wantsCookies).toBe(true);
    expect(() => browser.ofRequest({ ...asking, origin: 'https://evil.example' })).toThrow();
    expect(browser.ofRequest({}).wantsCookies).toBe(false);
  });

  it('never count beside a credential that was given on purpose', () => {
    const headers = { cookie, authorization: 'Bearer x.y.z', origin: 'https://evil.example' };
    const explicit = {
      credential: { kind: 'accessToken', value: 'x.y.z' },
      isCookie: false,
      refreshToken: undefined,
    };
    expect(browser.ofRequest(headers)).toMatchObject(explicit);
    expect(browser.ofSocket({ authorization: 'Bearer x.y.z' }, { cookie })).toMatchObject(explicit);
  });
});

describe('the cookies themselves', () => {
  const tokens = {
    accessToken: 'a.b.c',
    accessExpiresAtMs: 3_600_000,
    refreshToken: 'wrt_x',
    refreshExpiresAtMs: 86_400_000,
  };

  it('are out of reach of scripts, other sites, other hosts and plain HTTP', () => {
    expect(cookies.issue(tokens)).toEqual([
      '__Host-weir-access=a.b.c; Path=/; HttpOnly; SameSite=Strict; Secure; Expires=Thu, 01 Jan 1970 01:00:00 GMT',
      '__Host-weir-refresh=wrt_x; Path=/; HttpOnly; SameSite=Strict; Secure; Expires=Fri, 02 Jan 1970 00:00:00 GMT',
    ]);
  });

  it('have names that a browser takes without TLS, where there is none', () => {
    const plain = createSessionCookies(false);
    expect(plain.issue(tokens)[0]).toMatch(
      /^weir-access=a\.b\.c; Path=\/; HttpOnly; SameSite=Strict; Expires/,
    );
    expect(plain.read('weir-access=a; weir-access=b')).toEqual({ accessToken: 'a' });
    expect(plain.read(cookie)).toEqual({});
  });
});
