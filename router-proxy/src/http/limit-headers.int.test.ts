import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { MODEL, startTestProxy, type TestProxy } from '../test-proxy.ts';
import { testStores } from '../test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from '../test-upstream.ts';

const body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] };

const limit = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: null });
const anyLimits = fc.record({
  requestsPerMinute: fc.integer({ min: 1, max: 4 }),
  requestsPerHour: limit(8),
  requestsPerDay: limit(12),
  tokensPerMinute: fc.constantFrom(null, 1_000_000),
});
/** Waits of all sizes, because the interesting instants are the ends of cells and of cooldowns. */
const anyWait = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5_000_000 }) },
);
const anyStep = fc.record({
  waitMs: anyWait,
  then: fc.constantFrom('nothing', 'use up what remains', 'wait for the reset', 'wait as told'),
});

interface Told {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number | null;
}

describe.each(testStores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: store.redisUrl });
    upstream.respond(answerWith(completion()));
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  const ask = async (apiKey: string): Promise<{ readonly status: number; readonly told: Told }> => {
    const { status, headers } = await proxy.post('/v1/chat/completions', body, { apiKey });
    const number = (name: string): number => {
      expect(headers.get(name)).toMatch(/^\d+$/);
      return Number(headers.get(name));
    };
    const told = {
      limit: number('x-ratelimit-limit'),
      remaining: number('x-ratelimit-remaining'),
      resetMs: number('x-ratelimit-reset') * 1_000,
      retryAfterMs: headers.has('retry-after') ? number('retry-after') * 1_000 : null,
    };
    expect(headers.get('x-ratelimit-limit-requests')).toBe(String(told.limit));
    expect(headers.get('x-ratelimit-remaining-requests')).toBe(String(told.remaining));
    // The same instant as a duration; the other is rounded up to a second, and some time has passed since.
    const resetInMs = durationMs(headers.get('x-ratelimit-reset-requests') ?? '');
    expect(Math.abs(proxy.now() + resetInMs - told.resetMs)).toBeLessThan(5_000);
    expect(told.remaining).toBeLessThan(told.limit);
    expect(status === 200 ? told.retryAfterMs : told.retryAfterMs !== null).toBe(
      status === 200 ? null : true,
    );
    return { status, told };
  };

  it('headers of limits are true for any limits and history: what remains is served, and who waits as told is served', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLimits,
        fc.array(anyStep, { minLength: 1, maxLength: 8 }),
        async (limits, steps) => {
          const apiKey = await proxy.addApiKey({ id: newUuid(), limits });
          for (const { waitMs, then } of steps) {
            proxy.advance(waitMs);
            const { status, told } = await ask(apiKey);
            if (status !== 200) {
              expect(status).toBe(429);
              expect(told.remaining).toBe(0);
              if (then !== 'wait as told') continue;
              proxy.advance(told.retryAfterMs ?? 0);
              expect((await ask(apiKey)).status).toBe(200);
            } else if (then === 'use up what remains') {
              for (let left = told.remaining; left > 0; left--) {
                const next = await ask(apiKey);
                expect(next.status).toBe(200);
                // Windows slide while requests are sent, so a little more may have come free.
                expect(next.told.remaining).toBeGreaterThanOrEqual(left - 1);
              }
            } else if (then === 'wait for the reset') {
              proxy.advance(told.resetMs - proxy.now());
              // One window is empty then; another one may be the tightest, and may have been used up before.
              const next = await ask(apiKey);
              if (next.told.limit === told.limit) expect(next).toMatchObject({ status: 200 });
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

/** `1h2m3.5s` or `250ms`, as OpenAI's clients read it. */
function durationMs(text: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(text);
  if (!match) return Number(/^(\d+)ms$/.exec(text)?.[1] ?? Number.NaN);
  return (Number(match[1] ?? 0) * 3_600 + Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)) * 1_000;
}
