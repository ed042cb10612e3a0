import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { createClient, type Client } from 'graphql-ws';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sendGraphql, signIn } from './src/graphql.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const SIGN_IN = `mutation ($email: String!, $password: String!) {
  signIn(input: { email: $email, password: $password }) {
    accessToken refreshToken expiresAt viewer { user { email } } userErrors { code } } }`;
const REFRESH = 'mutation { sessionRefresh { accessToken refreshToken expiresAt userErrors { code } } }';
const WHO = '{ viewer { user { email } sessions { nodes { isCurrent } } } }';
const ALERTS = 'subscription ($id: ID!) { budgetAlertRaised(organizationId: $id) { id } }';

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

function report(what: string, samplesMs: readonly number[]): void {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const [median, p95, most] = [0.5, 0.95, 1].map((share) => percentile(sorted, share).toFixed(1));
  process.stdout.write(
    `${what}: median ${median} ms, p95 ${p95} ms, most ${most} ms (${sorted.length} times)\n`,
  );
}

interface Answer {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly body: {
    readonly data?: Record<string, Record<string, unknown> | null> | null;
    readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
  };
}

describe.each(modes())('sessions on the %s platform', (mode) => {
  let platform: Platform;
  let database: pg.Client;
  let origin: string;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    origin = new URL(platform.access.graphqlUrl).origin;
    database = new pg.Client({ connectionString: platform.databaseUrl });
    await database.connect();
  });
  afterAll(async () => {
    await database.end();
    await platform[Symbol.asyncDispose]();
  });

  /** What a browser sends of itself from a page of an origin, with the cookies that it has. */
  async function browse(
    jar: Map<string, string>,
    query: string,
    variables: object = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    // prettier-ignore
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(platform.access.graphqlUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'sec-fetch-site': 'same-origin',
        origin,
        cookie,
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(60_000),
    });
    const cookies = answer.headers.getSetCookie();
    for (const line of cookies) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split('=') ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return { status: answer.status, cookies, body: (await answer.json()) as Answer['body'] };
  }

  async function signInAsBrowser(): Promise<Map<string, string>> {
    const jar = new Map<string, string>();
    const { email, password } = platform.access;
    const { body } = await browse(jar, SIGN_IN, { email, password }, { 'x-weir-session': 'cookie' });
    expect(body.data?.['signIn']).toMatchObject({ accessToken: null, refreshToken: null, userErrors: [] });
    return jar;
  }

  function socket(headers: Record<string, string>, connectionParams: Record<string, unknown> = {}) {
    class Upgrade extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { headers });
      }
    }
    const { promise: closed, resolve } = Promise.withResolvers<{ readonly code: number }>();
    const client: Client = createClient({
      url: platform.access.graphqlWsUrl,
      webSocketImpl: Upgrade,
      connectionParams,
      retryAttempts: 0,
      lazy: false,
      onNonLazyError: () => undefined,
      on: { closed: (event) => resolve(event as { code: number }) },
    });
    const { promise: connected, resolve: onConnected } = Promise.withResolvers<void>();
    client.on('connected', () => onConnected());
    const events: unknown[] = [];
    client.subscribe(
      { query: ALERTS, variables: { id: platform.access.organizationId } },
      {
        next: (event) => events.push(event),
        error: (error) => events.push(error),
        complete: () => undefined,
      },
    );
    return { client, closed, connected };
  }

  describe('as a browser', () => {
    it('keep their tokens in cookies that no script sees, refresh by cookie, and end with signing out', async () => {
      const jar = new Map<string, string>();
      const { email, password } = platform.access;
      const begun = await browse(jar, SIGN_IN, { email, password }, { 'x-weir-session': 'cookie' });
      expect(begun.cookies).toHaveLength(2);
      for (const line of begun.cookies)
        expect(line).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Expires=/);
      expect(JSON.stringify(begun.body)).not.toMatch(/wrt_|eyJ/);
      expect((await browse(jar, WHO)).body.data).toMatchObject({ viewer: { user: { email } } });

      const before = new Map(jar);
      const refreshed = await browse(jar, REFRESH);
      expect(refreshed.body.data?.['sessionRefresh']).toMatchObject({ accessToken: null, refreshToken: null, userErrors: [] }); // prettier-ignore
      expect(jar.get('weir-refresh')).not.toBe(before.get('weir-refresh'));
      expect((await browse(jar, WHO)).body.data?.['viewer']).not.toBeNull();

      // The access cookie is gone after an hour; the refresh cookie alone goes on with the session.
      jar.delete('weir-access');
      expect((await browse(jar, WHO)).body.data?.['viewer']).toBeNull();
      await browse(jar, REFRESH);
      expect((await browse(jar, WHO)).body.data?.['viewer']).not.toBeNull();

      await browse(jar, 'mutation { signOut { endedSessions } }');
      expect(jar.size).toBe(0);
    });

    it('lose a cookie whose session is over, and can sign in again', async () => {
      const jar = await signInAsBrowser();
      const stale = new Map(jar);
      await browse(jar, 'mutation { signOut { endedSessions } }');
      const asked = await until('the refusal', async () => {
        const answer = await browse(new Map(stale), WHO);
        return answer.body.data?.['viewer'] === null ? answer : undefined;
      });
      expect(asked.cookies).toEqual([expect.stringMatching(/^weir-access=; .*1970/)]);
      const { email, password } = platform.access;
      await browse(stale, SIGN_IN, { email, password }, { 'x-weir-session': 'cookie' });
      expect((await browse(stale, WHO)).body.data?.['viewer']).not.toBeNull();
    });

    it('are not at the service of other sites’ pages', async () => {
      const jar = await signInAsBrowser();
      const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      const attacks: Record<string, string>[] = [
        evil,
        { ...evil, 'sec-fetch-site': 'same-site' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        { ...evil, 'content-type': 'text/plain' },
        { ...evil, 'x-weir-session': 'cookie' },
      ];
      for (const headers of attacks) {
        const answer = await browse(new Map(jar), 'mutation { signOut { endedSessions } }', {}, headers);
        expect([400, 403]).toContain(answer.status);
        expect(answer.body.data ?? null).toBeNull();
      }
      const get = `${platform.access.graphqlUrl}?query=${encodeURIComponent(WHO)}`;
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      expect((await fetch(get, { headers: { cookie, ...evil } })).status).toBeGreaterThanOrEqual(400);
      expect((await browse(jar, WHO)).body.data?.['viewer']).not.toBeNull();
      // Signing somebody in unasked is refused just the same.
      const { email, password } = platform.access;
      const login = await browse(
        new Map(),
        SIGN_IN,
        { email, password },
        { ...evil, 'x-weir-session': 'cookie' },
      );
      expect(login.status).toBe(403);
      expect(login.cookies).toEqual([]);
    });

    it('open sockets with their cookie from our pages only, and a credential given on purpose wins', async () => {
      const jar = await signInAsBrowser();
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const own = socket({ cookie, origin });
      await own.connected;
      const foreign = socket({ cookie, origin: 'https://evil.example' });
      expect((await foreign.closed).code).toBe(4403);
      const { accessToken } = await signIn(platform.access);
      const explicit = socket(
        { cookie: 'weir-access=stale', origin: 'https://evil.example' },
        { authorization: `Bearer ${accessToken}` },
      );
      await explicit.connected;
      for (const { client } of [own, foreign, explicit]) await client.dispose();
    });
  });

  describe('as a machine', () => {
    it('use bearer tokens, which anybody proves by the published keys', async () => {
      const { email, password, graphqlUrl } = platform.access;
      const begun = await sendGraphql(graphqlUrl, SIGN_IN, { email, password });
      const { accessToken, refreshToken } = begun.data?.['signIn'] as Record<string, string>;
      const keys = await fetch(`${origin}/.well-known/jwks.json`);
      expect(keys.headers.get('cache-control')).toBe('public, max-age=300');
      const jwks = (await keys.json()) as { keys: (JsonWebKey & { kid: string })[] };
      const [header = '', payload = '', signature = ''] = accessToken?.split('.') ?? [];
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
      const key = jwks.keys.find((candidate) => candidate.kid === kid);
      if (!key) throw new Error('the key is not published');
      expect(key['d']).toBeUndefined();
      const publicKey = createPublicKey({ key, format: 'jwk' });
      expect(verify(null, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(true); // prettier-ignore

      const refreshed = await sendGraphql(
        graphqlUrl,
        'mutation ($t: String) { sessionRefresh(input: { refreshToken: $t }) { accessToken refreshToken userErrors { code } } }',
        { t: refreshToken },
      );
      expect(refreshed.data?.['sessionRefresh']).toMatchObject({ accessToken: expect.stringMatching(/^eyJ/) as string, userErrors: [] }); // prettier-ignore
    });

    it('may check one credential per request, whatever the aliases', async () => {
      const { graphqlUrl, email } = platform.access;
      const guess = (n: number) =>
        `g${n}: signIn(input: { email: "${email}", password: "guess ${n}" }) { expiresAt }`;
      const answer = await sendGraphql(graphqlUrl, `mutation { ${[1, 2, 3].map(guess).join(' ')} }`);
      expect(answer.errors?.[0]?.extensions?.code).toBe('GRAPHQL_VALIDATION_FAILED');
      const batch = await fetch(graphqlUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ query: `mutation { ${guess(1)} }` }, { query: `mutation { ${guess(2)} }` }]),
      });
      expect(batch.status).toBe(400);
    });
  });

  /** That it takes less than a second is bounded by what the gateway believes: authenticator.test.ts. Here it is printed. */
  describe('end everywhere, soon', () => {
    const TIMES = 8;

    /** How long a credential that is used all the time, and its socket, are still good after something happened. */
    async function measure(
      what: string,
      end: (accessToken: string) => Promise<unknown>,
      undo: () => Promise<unknown> = async () => undefined,
    ): Promise<void> {
      // prettier-ignore
      const http: number[] = [];
      const sockets: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        const { accessToken } = await signIn(platform.access);
        const open = socket({}, { authorization: `Bearer ${accessToken}` });
        await open.connected;
        await sendGraphql(platform.access.graphqlUrl, WHO, {}, accessToken);
        await end(accessToken);
        const endedAt = performance.now();
        const closing = open.closed.then(({ code }) => {
          sockets.push(performance.now() - endedAt);
          expect(code).toBe(4403);
        });
        await until('the refusal', async () => {
          const { errors } = await sendGraphql(platform.access.graphqlUrl, WHO, {}, accessToken);
          return errors?.[0]?.extensions?.code === 'UNAUTHENTICATED' || undefined;
        });
        http.push(performance.now() - endedAt);
        await closing;
        await open.client.dispose();
        await undo();
      }
      report(`${mode}: ${what} to refusal over HTTP`, http);
      report(`${mode}: ${what} to the end of the socket`, sockets);
    }

    const setStatus = (status: string) =>
      database.query('update identity.users set status = $1 where email = $2', [
        status,
        platform.access.email,
      ]);

    it('by signing out', async () => {
      await measure('signing out', (accessToken) =>
        sendGraphql(platform.access.graphqlUrl, 'mutation { signOut { endedSessions } }', {}, accessToken),
      );
    });

    it('by suspending the person', async () => {
      await measure(
        'suspension',
        () => setStatus('SUSPENDED'),
        () => setStatus('ACTIVE'),
      );
    });
  });

  it('signing in takes a hash and little more', async () => {
    const samples: number[] = [];
    for (let time = 0; time < 40; time++) {
      const startedAt = performance.now();
      await signIn(platform.access);
      samples.push(performance.now() - startedAt);
    }
    report(`${mode}: signing in, Argon2id included`, samples);
  });
});
