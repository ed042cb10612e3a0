import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { startTestProxy, type TestProxy } from '../test-proxy.ts';
import { testStores } from '../test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from '../test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const USAGE = {
  prompt_tokens: 300,
  completion_tokens: 120,
  total_tokens: 420,
  prompt_tokens_details: { cached_tokens: 200 },
  completion_tokens_details: { reasoning_tokens: 70 },
};

type Body = Readonly<Record<string, unknown>>;

describe.each(testStores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: store.redisUrl });
    upstream.respond(answerWith(completion(USAGE)));
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  const newModel = async (columns: Body = {}): Promise<string> => {
    const name = `model-${newUuid().slice(-8)}`;
    await proxy.addModel(name, columns);
    return name;
  };
  const ask = async (model: string, apiKey: string) => {
    const response = await proxy.post(PATH, { model, messages }, { apiKey });
    expect(response.status).toBe(200);
    await proxy.closes(response);
    return response;
  };
  const get = async (path: string, apiKey: string) => {
    const response = await fetch(proxy.url + path, { headers: { 'x-api-key': apiKey } });
    return { status: response.status, body: (await response.json()) as Body };
  };

  describe('GET /v1/usage', () => {
    it("tells the key's own consumption by day and model, exactly, and nobody else's", async () => {
      const [small, large] = [await newModel(), await newModel()];
      const id = newUuid();
      const [own, other] = [await proxy.addApiKey({ id, name: 'Mine' }), await proxy.addApiKey()];
      await ask(small, own);
      await ask(small, own);
      await ask(large, own);
      await ask(large, other);
      const { status, body } = await get('/v1/usage', own);
      expect(status).toBe(200);
      const row = {
        date: new Date(proxy.now()).toISOString().slice(0, 10),
        input_tokens: 100,
        cached_input_tokens: 200,
        output_tokens: 50,
        reasoning_tokens: 70,
        total_tokens: 420,
        // 100 × 1 + 200 × 0.5 + 120 × 2 USD per million.
        cost: '0.00044',
        cost_nano_usd: '440000',
        requests: 1,
      };
      const twice = { ...row, requests: 2, total_tokens: 840, input_tokens: 200, cached_input_tokens: 400 };
      const rows = [
        { ...row, model: large },
        {
          ...twice,
          output_tokens: 100,
          reasoning_tokens: 140,
          cost: '0.00088',
          cost_nano_usd: '880000',
          model: small,
        },
      ];
      expect(body).toMatchObject({
        object: 'usage',
        time_zone: 'UTC',
        model: null,
        usage: rows.sort((a, b) => (a.model < b.model ? -1 : 1)),
        total_requests: 3,
        total_tokens: 1260,
        total_cost: '0.00132',
        total_cost_nano_usd: '1320000',
        api_key: { id: encodeId('apiKey', id), name: 'Mine', expires_at: null },
      });
      expect((await get(`/usage?model=${large}`, own)).body).toMatchObject({
        model: large,
        total_requests: 1,
        usage: [{ model: large }],
      });
      expect((await get('/v1/usage?start_date=2020-01-01&end_date=2020-12-31', own)).body).toMatchObject({
        usage: [],
        total_requests: 0,
        total_cost: '0',
      });
    });

    it('tells how every limit and budget of the chain stands, for all models or for one, and uses nothing up', async () => {
      const alias = `alias-${newUuid().slice(-8)}`;
      const model = await newModel({ aliases: [alias] });
      const id = newUuid();
      const apiKey = await proxy.addApiKey({
        id,
        limits: { requestsPerMinute: 5, tokensPerDay: 1_000, concurrency: 3 },
        model_limits: JSON.stringify([{ pattern: 'model-*', limits: { requestsPerHour: 2 } }]),
        expires_at: new Date(Date.now() + 86_400_000),
      });
      const onKey = { node_kind: 'API_KEY', node_id: id };
      await proxy.addBudget({ ...onKey, name: 'Money', limit_amount: '1000000000' });
      await proxy.addBudget({
        ...onKey,
        name: 'Calls',
        metric: 'REQUESTS',
        limit_amount: '1',
        grace_minutes: 10,
        models: JSON.stringify(['other']),
      });
      await ask(model, apiKey);
      const spent = async () => (await get('/v1/usage', apiKey)).body;
      await expect.poll(async () => (await spent())['budgets']).toMatchObject([{ spent: '0.00044' }, {}]);
      const body = await spent();
      expect(body['limits']).toMatchObject([
        {
          scope: 'apiKey',
          model: null,
          metric: 'requests',
          window: 'minute',
          limit: 5,
          remaining: 4,
          retry_after_seconds: 0,
        },
        { scope: 'apiKey', model: null, metric: 'tokens', window: 'day', limit: 1_000, remaining: 580 },
      ]);
      expect(body['concurrency']).toEqual([{ scope: 'apiKey', model: null, limit: 3, running: 0 }]);
      expect(body['budgets']).toMatchObject([
        {
          name: 'Money',
          scope: 'apiKey',
          metric: 'COST',
          limit: '1',
          spent: '0.00044',
          held: '0',
          remaining: '0.99956',
        },
        {
          name: 'Calls',
          metric: 'REQUESTS',
          limit: '1',
          spent: '0',
          remaining: '1',
          grace_minutes: 10,
          is_grace_over: false,
        },
      ]);
      const ofModel = (await get(`/v1/usage?model=${alias}`, apiKey)).body;
      expect(ofModel['model']).toBe(model);
      expect(ofModel['limits']).toMatchObject([
        { metric: 'requests', window: 'minute', remaining: 4 },
        { metric: 'tokens', window: 'day' },
        { metric: 'requests', window: 'hour', model, limit: 2, remaining: 1 },
      ]);
      expect(ofModel['budgets']).toMatchObject([{ name: 'Money' }]);
      expect(await spent()).toEqual(body);
    });

    it('refuses a range that is none, naming the parameter, and a key that may not read', async () => {
      const apiKey = await proxy.addApiKey();
      expect(await get('/v1/usage?start_date=2020-01-01&end_date=2021-01-02', apiKey)).toMatchObject({
        status: 400,
        body: { code: 'INVALID_REQUEST', error: { param: 'start_date' } },
      });
      const writer = await proxy.addApiKey({ scopes: ['inference:write'] });
      expect(await get('/v1/usage', writer)).toMatchObject({
        status: 403,
        body: { code: 'INSUFFICIENT_SCOPE' },
      });
      expect(await get('/v1/usage/else', apiKey)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    });
  });

  describe('GET /v1/audit/requests/{id}', () => {
    const idOf = (response: Response) => response.headers.get('x-request-id') ?? '';

    it('tells what became of a request, attempt by attempt', async () => {
      const model = await newModel();
      const id = newUuid();
      const apiKey = await proxy.addApiKey({ id });
      const response = await ask(model, apiKey);
      const { status, body } = await get(`/v1/audit/requests/${idOf(response)}`, apiKey);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        id: idOf(response),
        object: 'request',
        api_key_id: encodeId('apiKey', id),
        model_requested: model,
        endpoint: PATH,
        total_cost: '0.00044',
        attempts: [
          {
            id: expect.stringMatching(/^att_/) as string,
            number: 1,
            model,
            provider: 'openai',
            provider_key_id: expect.stringMatching(/^pvk_/) as string,
            routing_decision: 'PRIMARY',
            admission: { decision: 'ADMITTED' },
            status: 'SUCCESS',
            upstream_status: 200,
            usage: { total_tokens: 420, cost_nano_usd: '440000' },
            price_id: expect.stringMatching(/^prc_/) as string,
            metering_source: 'PROVIDER',
            metering: 'settled',
          },
        ],
      });
    });

    it('tells of a request that runs, with what it holds', async () => {
      const model = await newModel();
      const apiKey = await proxy.addApiKey();
      let finish: () => void = () => undefined;
      upstream.respond(async (_, res) => {
        await new Promise<void>((resolve) => (finish = resolve));
        res.writeHead(200, { 'content-type': 'application/json' }).end(completion(USAGE));
      });
      const running = proxy.post(PATH, { model, messages }, { apiKey });
      await expect.poll(() => upstream.received.length).toBe(1);
      const { rows } = await waitForIntent(model);
      const requestId = encodeId('request', rows[0]?.request_id ?? newUuid());
      const { body } = await get(`/audit/requests/${requestId}`, apiKey);
      expect(body).toMatchObject({
        attempts: [{ status: 'RUNNING', metering: 'intent', usage: { cost: '0' }, latency_ms: null }],
      });
      finish();
      await proxy.closes(await running);
      expect((await get(`/audit/requests/${requestId}`, apiKey)).body).toMatchObject({
        attempts: [{ status: 'SUCCESS', admission: { held_tokens: expect.any(Number) as number } }],
      });
      upstream.respond(answerWith(completion(USAGE)));
    });

    it("shows a key its own requests, an admin those of its account and below, and neither another organization's", async () => {
      const model = await newModel();
      const [own, other] = [await proxy.addApiKey(), await proxy.addApiKey()];
      const adminOf = (accountId: Uuid) =>
        proxy.addApiKey({ scopes: ['inference:read', 'admin'], account_id: accountId });
      const { ownerId, teamId, organizationId } = proxy.tenant;
      const sibling = newUuid();
      await proxy.insert('identity.accounts', {
        id: sibling,
        organization_id: organizationId,
        parent_id: ownerId,
        dna: `.${ownerId}.`,
        kind: 'TEAM',
        name: 'Another team',
      });
      const path = `/v1/audit/requests/${idOf(await ask(model, own))}`;
      for (const key of [other, await adminOf(sibling)]) {
        expect((await get(path, key)).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      }
      for (const accountId of [teamId, ownerId]) {
        expect((await get(path, await adminOf(accountId))).status).toBe(200);
      }
      for (const id of [encodeId('request', newUuid()), encodeId('apiKey', newUuid()), 'nonsense']) {
        expect((await get(`/v1/audit/requests/${id}`, own)).body).toMatchObject({
          status: 404,
          code: 'NOT_FOUND',
        });
      }
      expect((await get('/v1/audit/requests', own)).body).toMatchObject({ code: 'NOT_FOUND' });
    });

    const waitForIntent = async (model: string) => {
      const text = `select request_id from ledger.attempt_log where model_effective = $1 and class = 'intent'`;
      const read = () => proxy.db.query<{ request_id: ReturnType<typeof newUuid> }>(text, [model]);
      await expect.poll(async () => (await read()).rows.length).toBe(1);
      return read();
    };
  });
});
