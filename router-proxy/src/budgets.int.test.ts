import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { MODEL, startTestProxy, type AttemptRow, type TestProxy } from './test-proxy.ts';
import { testStores } from './test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly budget: Readonly<Record<string, unknown>>;
  readonly error: { readonly type: string };
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
  const addBudget = (model: string, columns: Readonly<Record<string, unknown>>): Promise<Uuid> =>
    proxy.addBudget({ models: JSON.stringify([model]), ...columns });
  /** With a new key unless one is given. */
  const ask = async (model: string, more: object = {}, apiKey?: string): Promise<Response> =>
    proxy.post(PATH, { model, messages, ...more }, { apiKey: apiKey ?? (await proxy.addApiKey()) });

  it('a blocking budget caps the output to what it has room for, and tells the client', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('capped');
    // The input bound costs about 0.25 mUSD at 1 USD per million; 0.3 mUSD leave room for some 30 output tokens.
    await proxy.addBudget({ name: 'Small', limit_amount: '300000', models: JSON.stringify(['capped']) });
    const response = await ask('capped');
    expect(response.status).toBe(200);
    const cap = Number(response.headers.get('x-weir-output-cap'));
    expect(cap).toBeGreaterThan(16);
    expect(cap).toBeLessThan(100);
    const sent = upstream.received[0]?.body ?? '';
    expect(JSON.parse(sent)).toMatchObject({ max_completion_tokens: cap });
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  });

  it('a used up budget answers 402 with all that is to know, and serves again once it is raised', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('spent');
    const id = await proxy.addBudget({
      name: 'Spent',
      limit_amount: '1000',
      models: JSON.stringify(['spent']),
    });
    const apiKey = await proxy.addApiKey();
    const denied = await ask('spent', {}, apiKey);
    expect(denied.status).toBe(402);
    expect(await denied.json()).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      budget: { name: 'Spent', metric: 'COST', limit: '0.000001', spent: '0', period: 'MONTHLY' },
    });
    expect(upstream.received).toHaveLength(0);
    const raise = 'update billing.budgets set limit_amount = $1 where id = $2';
    await proxy.change(raise, ['1000000000', id]);
    await expect.poll(async () => (await ask('spent', {}, apiKey)).status).toBe(200);
  });

  it('what cannot be bounded is refused under a blocking budget, and served without one', async () => {
    upstream.respond(answerWith(completion()));
    const image = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ];
    expect((await ask(MODEL, { messages: image })).status).toBe(200);
    await proxy.addModel('bounded');
    await proxy.addBudget({ name: 'Hard', limit_amount: '1000000000', models: JSON.stringify(['bounded']) });
    const denied = await ask('bounded', { messages: image });
    expect(denied.status).toBe(400);
    expect(await denied.json()).toMatchObject({ code: 'INVALID_REQUEST', error: { param: 'messages' } });
  });

  it('parallel requests never spend more than a blocking budget', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('contended');
    // One answer costs 33,000 nano-USD and may cost some 170,000 plus its output, so only few fit at a time.
    await proxy.addBudget({
      name: 'Contended',
      limit_amount: '1000000',
      models: JSON.stringify(['contended']),
    });
    const apiKey = await proxy.addApiKey();
    const responses = await Promise.all(
      Array.from({ length: 60 }, () => ask('contended', { max_tokens: 16 }, apiKey)),
    );
    const served = responses.filter(({ status }) => status === 200);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200, 402]));
    const closes = await Promise.all(served.map(async (response) => (await proxy.closes(response))[0]));
    const spent = closes.reduce((sum, close) => sum + BigInt(String(close?.['cost'])), 0n);
    expect(spent).toBeLessThanOrEqual(1_000_000n);
    expect(spent).toBe(33_000n * BigInt(served.length));
  });

  it.each([
    ['COST', '5000', 'BUDGET_EXCEEDED', '0.000005', '0.000005 USD'],
    ['TOKENS', '20', 'QUOTA_EXCEEDED', '20', '20 tokens'],
    ['REQUESTS', '0', 'QUOTA_EXCEEDED', '0', '0 requests'],
  ])(
    'a used up budget of %s says so with its own code, names itself and no time to come back',
    async (metric, limit, code, shown, words) => {
      upstream.respond(answerWith(completion()));
      const model = await newModel();
      await addBudget(model, { name: `Cap of ${metric}`, metric, limit_amount: limit, period: 'TOTAL' });
      const denied = await ask(model);
      expect(denied.status).toBe(402);
      expect(denied.headers.get('retry-after')).toBeNull();
      const problem = await problemOf(denied);
      expect(problem).toMatchObject({
        code,
        budget: { name: `Cap of ${metric}`, metric, limit: shown, spent: '0', held: '0', resetsAt: null },
        error: { type: 'insufficient_quota', code },
      });
      expect(problem.detail).toContain(`"Cap of ${metric}" of ${words}`);
      expect(problem.budget).toMatchObject({ isGraceOver: false });
      expect(upstream.received).toHaveLength(0);
    },
  );

  it('a budget of requests serves as many as it says, and one of tokens counts every class of every choice', async () => {
    const model = await newModel();
    await addBudget(model, { metric: 'REQUESTS', limit_amount: '2' });
    upstream.respond(answerWith(completion()));
    const statuses = [await ask(model), await ask(model), await ask(model)].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 402]);

    const counted = await newModel();
    await addBudget(counted, { metric: 'TOKENS', limit_amount: '2000' });
    const usage = {
      prompt_tokens: 300,
      completion_tokens: 120,
      total_tokens: 420,
      prompt_tokens_details: { cached_tokens: 200 },
      completion_tokens_details: { reasoning_tokens: 70 },
    };
    upstream.respond(answerWith(completion(usage)));
    const response = await ask(counted, { n: 3, max_tokens: 50 });
    expect(response.status).toBe(200);
    expect(tokensOf((await proxy.closes(response))[0])).toBe(420);
    await proxy.closes(await ask(counted));
    await proxy.change(`update billing.budgets set limit_amount = 840 where models = $1`, [
      JSON.stringify([counted]),
    ]);
    await expect
      .poll(async () => (await problemOf(await ask(counted))).budget)
      .toMatchObject({ limit: '840', spent: '840', held: '0' });
  });

  it('a request holds tokens for every choice it asks for, and gives back what it did not use', async () => {
    const heldFor = async (n: number): Promise<number> => {
      let finish: () => void = () => undefined;
      upstream.respond(async (_, res) => {
        await new Promise<void>((resolve) => (finish = resolve));
        res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
      });
      const model = await newModel();
      await addBudget(model, { metric: 'TOKENS', limit_amount: '2000' });
      /** Asks for more than there is room for, so that it is told what is used. */
      const probe = async () => (await problemOf(await ask(model, { n: 120, max_tokens: 1_000 }))).budget;
      const running = ask(model, { n, max_tokens: 200 });
      await expect.poll(() => upstream.received.length).toBe(1);
      const { held } = await probe();
      finish();
      expect((await running).status).toBe(200);
      await expect.poll(probe).toMatchObject({ spent: '21', held: '0' });
      return Number(held);
    };
    expect((await heldFor(5)) - (await heldFor(2))).toBe(600);
  });

  it('budgets of key, account and organization are held all or nothing, and the one that denies is named', async () => {
    upstream.respond(answerWith(completion()));
    const model = await newModel();
    const { organizationId, teamId } = proxy.tenant;
    const [narrow, free] = [newUuid(), newUuid()];
    const [narrowKey, freeKey] = [await proxy.addApiKey({ id: narrow }), await proxy.addApiKey({ id: free })];
    const requests = { metric: 'REQUESTS', period: 'MONTHLY' };
    await addBudget(model, { name: 'All', ...requests, limit_amount: '3' });
    await addBudget(model, {
      name: 'Team',
      ...requests,
      node_kind: 'ACCOUNT',
      node_id: teamId,
      limit_amount: '2',
    });
    await addBudget(model, {
      name: 'Key',
      ...requests,
      node_kind: 'API_KEY',
      node_id: narrow,
      limit_amount: '0',
    });
    for (let count = 0; count < 5; count++) {
      expect((await problemOf(await ask(model, {}, narrowKey))).budget).toMatchObject({ name: 'Key' });
    }
    expect((await ask(model, {}, freeKey)).status).toBe(200);
    expect((await ask(model, {}, freeKey)).status).toBe(200);
    const denied = await problemOf(await ask(model, {}, freeKey));
    expect(denied.budget).toMatchObject({ name: 'Team', limit: '2' });
    expect(usedOf(denied)).toBe(2);
    await proxy.change(
      `update billing.budgets set status = 'ARCHIVED' where organization_id = $1 and name = 'Team'`,
      [organizationId],
    );
    await expect.poll(async () => (await ask(model, {}, freeKey)).status).toBe(200);
    const last = await problemOf(await ask(model, {}, freeKey));
    expect(last.budget).toMatchObject({ name: 'All', limit: '3' });
    expect(usedOf(last)).toBe(3);
  });

  it('a budget counts the models that its patterns name, by their effective names', async () => {
    upstream.respond(answerWith(completion()));
    const family = `fam-${newUuid().slice(-8)}`;
    await proxy.addModel(`${family}-mini`, { aliases: [`${family}-alias`] });
    await proxy.addModel(`${family}-large`);
    await addBudget(`${family}-m*`, { name: 'Minis', metric: 'REQUESTS', limit_amount: '1' });
    expect((await ask(`${family}-alias`)).status).toBe(200);
    expect((await problemOf(await ask(`${family}-mini`))).budget).toMatchObject({ name: 'Minis' });
    expect((await ask(`${family}-large`)).status).toBe(200);
  });

  it.each([
    ['enforcement', 'WARN', 'BLOCK'],
    ['status', 'ARCHIVED', 'ACTIVE'],
  ])(
    'a budget whose %s was %s for a while counts what was spent then once it blocks again',
    async (column, loose, strict) => {
      upstream.respond(answerWith(completion()));
      const model = await newModel();
      const id = await addBudget(model, { metric: 'REQUESTS', limit_amount: '4', period: 'TOTAL' });
      const set = (value: string) =>
        proxy.change(`update billing.budgets set ${column} = $1 where id = $2`, [value, id]);
      expect((await ask(model)).status).toBe(200);
      await set(loose);
      for (let count = 0; count < 3; count++) expect((await ask(model)).status).toBe(200);
      await set(strict);
      const denied = await ask(model);
      expect(denied.status).toBe(402);
      expect(usedOf(await problemOf(denied))).toBe(4);
    },
  );

  it('only BLOCK blocks', async () => {
    upstream.respond(answerWith(completion()));
    const model = await newModel();
    for (const enforcement of ['WARN', 'NOTIFY']) {
      await addBudget(model, { enforcement, metric: 'REQUESTS', limit_amount: '0' });
    }
    expect((await ask(model)).status).toBe(200);
  });
});

/** What is spent, or held until the settlement has arrived. */
function usedOf({ budget }: Problem): number {
  return Number(budget['spent']) + Number(budget['held']);
}

function tokensOf(row: AttemptRow | undefined): number {
  const classes = ['input', 'cached_input', 'cache_write', 'output', 'reasoning'];
  return classes.reduce((sum, name) => sum + Number(row?.[`${name}_tokens`]), 0);
}
