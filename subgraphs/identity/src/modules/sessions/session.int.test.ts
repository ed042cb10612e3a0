import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { ACCESS_TOKEN_LIFE_MS, REFRESH_TOKEN_LIFE_MS } from './session.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function begin(): Promise<Tokens> {
  const { email, password } = await identity.organization();
  const answer = await identity.graphql(
    'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }',
    { input: { email, password } },
  );
  return answer.data?.['signIn'] as Tokens;
}

async function refresh(refreshToken: string): Promise<Tokens & { readonly userErrors: { code: string }[] }> {
  const answer = await identity.graphql(
    `mutation ($input: SessionRefreshInput!) {
      sessionRefresh(input: $input) { accessToken refreshToken userErrors { code } }
    }`,
    { input: { refreshToken } },
  );
  return answer.data?.['sessionRefresh'] as Tokens & { userErrors: { code: string }[] };
}

const statusOf = async (accessToken: string): Promise<number> =>
  (await identity.authenticate({ accessToken })).status;

const REFUSED = [{ code: 'INVALID_REFRESH_TOKEN' }];

describe('sessionRefresh', () => {
  it('gives new tokens that work and a session that goes on', async () => {
    const first = await begin();
    const second = await refresh(first.refreshToken);
    expect(second.userErrors).toEqual([]);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await statusOf(second.accessToken)).toBe(200);
  });

  it('refuses strangers’ tokens', async () => {
    for (const token of ['', 'wrt_x', `wrt_${'A'.repeat(86)}`]) {
      expect((await refresh(token)).userErrors).toEqual(REFUSED);
    }
  });
});

describe('signOut', () => {
  it('makes both tokens worthless at once and can be repeated', async () => {
    const { accessToken, refreshToken } = await begin();
    const who = await identity.whoIs({ accessToken });
    const signOut = () =>
      identity.graphql('mutation { signOut { endedSessions userErrors { code } } }', {}, who);
    expect((await signOut()).data).toEqual({ signOut: { endedSessions: 1, userErrors: [] } });
    expect(await statusOf(accessToken)).toBe(401);
    expect((await refresh(refreshToken)).userErrors).toEqual(REFUSED);
    expect((await signOut()).data).toEqual({ signOut: { endedSessions: 0, userErrors: [] } });
  });

  it('ends every session of the person when asked to, and nobody else’s', async () => {
    const organization = await identity.organization();
    const [a, b] = [await identity.ownerOf(organization), await identity.ownerOf(organization)];
    const stranger = await begin();
    const answer = await identity.graphql(
      'mutation { signOut(input: { everywhere: true }) { endedSessions } }',
      {},
      a,
    );
    expect(answer.data).toEqual({ signOut: { endedSessions: 2 } });
    expect(a.actor).not.toEqual(b.actor);
    expect(await statusOf(stranger.accessToken)).toBe(200);
  });

  it('needs somebody who is signed in', async () => {
    const answer = await identity.graphql('mutation { signOut { endedSessions } }');
    expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});

describe('POST /internal/authenticate', () => {
  it('is for those who know the internal secret', async () => {
    const { accessToken } = await begin();
    expect((await identity.authenticate({ accessToken }, 'a guess at the secret, also long')).status).toBe(
      401,
    );
  });

  it('refuses what is no credential', async () => {
    expect((await identity.authenticate({})).status).toBe(400);
    expect(await statusOf('x.y.z')).toBe(401);
    const unknown = await identity.authenticate({ apiKey: 'sk-Xvs' });
    expect(unknown.status).toBe(401);
    expect(await unknown.json()).toMatchObject({ code: 'INVALID_API_KEY' });
  });

  it('refuses an access token after an hour and a session after a day without a refresh', async () => {
    const { accessToken, refreshToken } = await begin();
    identity.advance(ACCESS_TOKEN_LIFE_MS);
    expect(await statusOf(accessToken)).toBe(401);
    const next = await refresh(refreshToken);
    expect(await statusOf(next.accessToken)).toBe(200);
    identity.advance(REFRESH_TOKEN_LIFE_MS);
    expect((await refresh(next.refreshToken)).userErrors).toEqual(REFUSED);
  });
});
