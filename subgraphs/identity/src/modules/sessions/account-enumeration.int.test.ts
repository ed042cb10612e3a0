import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestIdentity, type GraphqlAnswer, type TestIdentity } from '../../test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const ROUNDS = 24;
/** How much longer one of two may take: far below what a missing hash or a mail would make of it. */
const RATIO_MAX = 1.6;
/** It compares times, which a busy machine may disturb; what takes longer by design does so every time. */
const AGAIN = { retry: 3 };

/** Of the undisturbed ones. */
const lowerQuartile = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0;

let clients = 0;

async function timed(
  query: string,
  input: object,
): Promise<{ readonly ms: number; readonly answer: GraphqlAnswer }> {
  // Each from elsewhere, so that no limit decides.
  const client = { ipAddress: `10.7.${Math.floor(clients / 250)}.${clients++ % 250}`, userAgent: 'test' };
  const startedAt = performance.now();
  const answer = await identity.graphql(query, { input }, undefined, client);
  return { ms: performance.now() - startedAt, answer };
}

/**
 * The same question about somebody and about nobody, each first in every other round, so that whatever else the machine
 * does hits both. What an answer leaves to be done behind it is waited for, so that it is not in the time of the next.
 */
async function compare(
  query: string,
  inputFor: (email: string, round: number) => object,
  settled: (email: string) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const times = { somebody: [] as number[], nobody: [] as number[] };
  const answers = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const { email } = await identity.organization();
    const both = [
      ['somebody', email],
      ['nobody', `nobody-${round}@example.org`],
    ] as const;
    for (const [who, address] of round % 2 === 0 ? both : both.toReversed()) {
      const { ms, answer } = await timed(query, inputFor(address, round));
      times[who].push(ms);
      answers.add(JSON.stringify(answer));
      if (who === 'somebody') await settled(address);
    }
  }
  expect(answers.size).toBe(1);
  const [somebody, nobody] = [lowerQuartile(times.somebody), lowerQuartile(times.nobody)];
  process.stdout.write(`somebody ${somebody.toFixed(1)} ms, nobody ${nobody.toFixed(1)} ms\n`);
  expect(Math.max(somebody, nobody) / Math.min(somebody, nobody)).toBeLessThan(RATIO_MAX);
}

it('signing in tells nobody whether an address is somebody’s, by its words or its time', AGAIN, async () => {
  await compare(
    'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken secondFactors userErrors { code message field } } }',
    (email) => ({ email, password: 'a wrong password' }),
  );
});

it(
  'asking for a new password tells nobody whether an address is somebody’s, by its words or its time',
  AGAIN,
  async () => {
    await compare(
      'mutation ($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { userErrors { code } } }',
      (email) => ({ email }),
      (email) => identity.mailTo(email),
    );
  },
);
