import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestIdentity, type TestClient, type TestIdentity } from '../../test-identity.ts';
import { REPEAT_MS } from './refresh.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

interface Tokens {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
}

const OWNER: TestClient = { ipAddress: '192.0.2.1', userAgent: 'Firefox' };
const THIEF: TestClient = { ipAddress: '203.0.113.9', userAgent: 'Firefox' };

const textOf = (text: string | null): string => {
  if (text === null) throw new Error('no token');
  return text;
};

async function begin(organization?: { email: string; password: string }): Promise<string> {
  const { email, password } = organization ?? (await identity.organization());
  const answer = await identity.graphql(
    'mutation ($input: SignInInput!) { signIn(input: $input) { refreshToken } }',
    { input: { email, password } },
    undefined,
    OWNER,
  );
  return textOf((answer.data?.['signIn'] as Tokens).refreshToken);
}

async function refresh(refreshToken: string, client: TestClient = OWNER): Promise<Tokens> {
  const answer = await identity.graphql(
    'mutation ($input: SessionRefreshInput!) { sessionRefresh(input: $input) { accessToken refreshToken } }',
    { input: { refreshToken } },
    undefined,
    client,
  );
  return answer.data?.['sessionRefresh'] as Tokens;
}

const statusOf = async ({ accessToken }: Tokens): Promise<number> =>
  (await identity.authenticate({ accessToken: textOf(accessToken) })).status;

const REFUSED = { accessToken: null, refreshToken: null };

describe('a refresh token that was exchanged before', () => {
  it('ends the session and everything that came of it when another client has it', async () => {
    const first = await begin();
    const second = await refresh(first);
    expect(await refresh(first, THIEF)).toEqual(REFUSED);
    expect(await refresh(textOf(second.refreshToken))).toEqual(REFUSED);
    expect(await statusOf(second)).toBe(401);
  });

  it('ends the session when the thief was first, too', async () => {
    const first = await begin();
    const stolen = await refresh(first, THIEF);
    expect(await refresh(first, OWNER)).toEqual(REFUSED);
    expect(await refresh(textOf(stolen.refreshToken), THIEF)).toEqual(REFUSED);
    expect(await statusOf(stolen)).toBe(401);
  });

  it('ends the session after ten seconds, whoever has it', async () => {
    const first = await begin();
    const second = await refresh(first);
    identity.advance(REPEAT_MS);
    expect(await refresh(first)).toEqual(REFUSED);
    expect(await statusOf(second)).toBe(401);
  });

  it('ends the session when its successor was exchanged already', async () => {
    const first = await begin();
    const third = await refresh(textOf((await refresh(first)).refreshToken));
    expect(await refresh(first)).toEqual(REFUSED);
    expect(await statusOf(third)).toBe(401);
  });

  it('gives the very client that repeats itself the same successor', async () => {
    const first = await begin();
    const second = await refresh(first);
    const again = await refresh(first);
    expect(again.refreshToken).toBe(second.refreshToken);
    expect(await statusOf(second)).toBe(200);
    expect((await refresh(textOf(again.refreshToken))).refreshToken).not.toBeNull();
  });

  it('leaves the person’s other sessions alone', async () => {
    const organization = await identity.organization();
    const [stolen, other] = [await begin(organization), await begin(organization)];
    await refresh(stolen);
    expect(await refresh(stolen, THIEF)).toEqual(REFUSED);
    expect((await refresh(other)).refreshToken).not.toBeNull();
  });
});

describe('exchanges of one token at the same time', () => {
  it('give one client one successor, however many they are', async () => {
    const first = await begin();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first)));
    const successors = new Set(answers.map((answer) => answer.refreshToken));
    expect(successors.size).toBe(1);
    expect((await refresh(textOf([...successors][0] ?? null))).refreshToken).not.toBeNull();
  });

  it('never leave two clients with a living session each', async () => {
    const first = await begin();
    const clients = Array.from({ length: 10 }, (_, n) => ({ ipAddress: `198.51.100.${n}`, userAgent: 'x' }));
    const answers = await Promise.all(clients.map((client) => refresh(first, client)));
    const given = answers.filter((answer) => answer.refreshToken !== null);
    expect(given.length).toBeLessThanOrEqual(1);
    for (const answer of given) {
      expect(await statusOf(answer)).toBe(401);
      expect(await refresh(textOf(answer.refreshToken))).toEqual(REFUSED);
    }
  });
});

it('whatever two clients do with the tokens of a session, at most one token goes on with it', async () => {
  const organization = await identity.organization();
  const step = fc.record({
    which: fc.nat(6),
    client: fc.constantFrom(OWNER, THIEF),
    waitMs: fc.constantFrom(0, 0, 1_000, REPEAT_MS),
    times: fc.constantFrom(1, 1, 3),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const known = [await begin(organization)];
      for (const { which, client, waitMs, times } of steps) {
        identity.advance(waitMs);
        const token = known[Math.max(0, known.length - 1 - which)] ?? '';
        const answers = await Promise.all(Array.from({ length: times }, () => refresh(token, client)));
        for (const { refreshToken } of answers) {
          if (refreshToken !== null && !known.includes(refreshToken)) known.push(refreshToken);
        }
      }
      // Too late for any repetition: only the newest token may still be good, and only once.
      identity.advance(REPEAT_MS);
      const newest = known.at(-1) ?? '';
      const successor = await refresh(newest);
      for (const token of known) expect(await refresh(token, THIEF)).toEqual(REFUSED);
      if (successor.refreshToken !== null) expect(await statusOf(successor)).toBe(401);
    }),
    { numRuns: 12 },
  );
});
