import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { startTestProxy, type TestProxy } from './test-proxy.ts';
import { testStores } from './test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly budget: Readonly<Record<string, unknown>>;
}

const problemOf = async (response: Response): Promise<Problem> => (await response.json()) as Problem;

describe.each(testStores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: store.redisUrl });
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  /** A model that nothing else uses, so that budgets on it are this test's alone. */
  const newModel = async (): Promise<string> => {
    const name = `model-${newUuid().slice(-8)}`;
    await proxy.addModel(name);
    return name;
  };
  const addBudget = (model: string, columns: Readonly<Record<string, unknown>>) =>
    proxy.addBudget({ models: JSON.stringify([model]), ...columns });
  /** With a new key. */
  const ask = async (model: string, more: object = {}) =>
    proxy.post(PATH, { model, messages, ...more }, { apiKey: await proxy.addApiKey() });

  it('a grace lets requests go on unclamped and says until when; when it is over, 402 says that', async () => {
    upstream.respond(answerWith(completion()));
    const model = await newModel();
    await addBudget(model, { name: 'Lenient', limit_amount: '1000', grace_minutes: 10 });
    const startedMs = proxy.now();
    const first = await ask(model, { max_tokens: 50 });
    expect(first.status).toBe(200);
    expect(first.headers.get('x-weir-output-cap')).toBeNull();
    const untilMs = Date.parse(first.headers.get('x-weir-budget-grace') ?? '');
    expect(untilMs - startedMs).toBeGreaterThanOrEqual(600_000);
    proxy.advance(untilMs - proxy.now() - 5_000);
    const last = await ask(model);
    expect(last.status).toBe(200);
    expect(last.headers.get('x-weir-budget-grace')).toBe(new Date(untilMs).toISOString());
    await Promise.all([proxy.closes(first), proxy.closes(last)]);
    proxy.advance(5_000);
    const denied = await ask(model);
    expect(denied.status).toBe(402);
    const problem = await problemOf(denied);
    expect(problem).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      budget: { name: 'Lenient', isGraceOver: true },
    });
    expect(problem.detail).toContain('Its grace of 10 minutes is over.');
  });

  it.each(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY'])(
    'a used up budget %s serves again from the instant that it names, and not before',
    async (period) => {
      upstream.respond(answerWith(completion()));
      const model = await newModel();
      await addBudget(model, { period, metric: 'REQUESTS', limit_amount: '1' });
      expect((await ask(model)).status).toBe(200);
      const { budget } = await problemOf(await ask(model));
      expect(budget).toMatchObject({ period, limit: '1' });
      const resetMs = Date.parse(String(budget['resetsAt']));
      proxy.advance(resetMs - proxy.now() - 3_000);
      expect((await ask(model)).status).toBe(402);
      proxy.advance(3_000);
      expect((await ask(model)).status).toBe(200);
      expect((await ask(model)).status).toBe(402);
    },
  );
});
