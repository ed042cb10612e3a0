import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testRedisUrl } from '@weir/testkit/redis';
import { startTestFleet, type TestFleet } from './test-fleet.ts';
import { MODEL } from './test-proxy.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Hello' }] });
/** Of every answer of `completion`. */
const TOKENS = 21;
const PROXIES = 4;

describe.runIf(testRedisUrl() !== undefined)('four proxies on one Redis', () => {
  let upstream: TestUpstream;
  let fleet: TestFleet;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    fleet = await startTestFleet({
      upstreamUrl: upstream.url,
      redisUrl: testRedisUrl() ?? '',
      proxies: PROXIES,
    });
  });

  afterAll(async () => {
    await fleet.stop();
    await upstream.stop();
  });

  /** Request number n goes to proxy n. */
  const send = (apiKey: string, number: number): Promise<Response> =>
    fetch(`${fleet.urls[number % PROXIES]}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body,
    });

  async function codesOf(answers: readonly Response[]): Promise<Map<string, number>> {
    const codes = new Map<string, number>();
    for (const answer of answers) {
      const { code } = (await answer.json()) as { readonly code?: string };
      const name = code ?? String(answer.status);
      codes.set(name, (codes.get(name) ?? 0) + 1);
    }
    return codes;
  }

  it.each(['requestsPerMinute', 'requestsPerHour', 'requestsPerDay'])(
    'admit exactly the limit of %s, not one more and not one less',
    async (name) => {
      upstream.respond(answerWith(completion()));
      const apiKey = await fleet.first.addApiKey({ limits: { [name]: 37 } });
      const answers = await Promise.all(Array.from({ length: 120 }, (_, number) => send(apiKey, number)));
      expect(await codesOf(answers)).toEqual(
        new Map([
          ['200', 37],
          ['RATE_LIMITED', 83],
        ]),
      );
      expect(upstream.received).toHaveLength(37);
    },
  );

  it('admit exactly the limit of an account, over all of its keys', async () => {
    upstream.respond(answerWith(completion()));
    const { first } = fleet;
    const { rows } = await first.change<{ id: string }>(
      `insert into identity.accounts (id, organization_id, parent_id, dna, kind, name, limits)
       select gen_random_uuid(), organization_id, id, dna || id || '.', 'PROJECT', 'Limited', '{"requestsPerDay": 23}'
       from identity.accounts where id = $1 returning id`,
      [first.tenant.teamId],
    );
    const keys = await Promise.all([1, 2, 3].map(() => first.addApiKey({ account_id: rows[0]?.id })));
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, number) => send(keys[number % 3] ?? '', number)),
    );
    expect((await codesOf(answers)).get('200')).toBe(23);
    expect(upstream.received).toHaveLength(23);
  });

  it('run exactly the limit of concurrency at a time, and the same number again when these have ended', async () => {
    const apiKey = await fleet.first.addApiKey({ limits: { concurrency: 7 } });
    for (let round = 0; round < 2; round++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      upstream.respond(async (_, res) => {
        await promise;
        res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
      });
      let refused = 0;
      const answers = Array.from({ length: 60 }, async (_, number) => {
        const answer = await send(apiKey, number);
        if (answer.status === 429) refused++;
        return answer;
      });
      await expect.poll(() => refused).toBe(53);
      await expect.poll(() => upstream.received.length).toBe(7);
      resolve();
      expect(await codesOf(await Promise.all(answers))).toEqual(
        new Map([
          ['200', 7],
          ['CONCURRENCY_LIMITED', 53],
        ]),
      );
      await fleet.quiet();
    }
  });

  it('let the request that crosses a token limit through, and refuse the next one on every proxy', async () => {
    upstream.respond(answerWith(completion()));
    const apiKey = await fleet.first.addApiKey({ limits: { tokensPerDay: 4 * TOKENS + 1 } });
    for (let number = 0; number < 5; number++) {
      expect((await send(apiKey, number)).status).toBe(200);
      await fleet.quiet();
    }
    for (let number = 0; number < PROXIES; number++) {
      const denied = await send(apiKey, number);
      expect(denied.status).toBe(429);
      expect(await denied.json()).toMatchObject({
        code: 'RATE_LIMITED',
        limitContext: { metric: 'tokens', window: 'day', limit: 4 * TOKENS + 1, remaining: 0 },
      });
    }
    expect(upstream.received).toHaveLength(5);
  });
});
