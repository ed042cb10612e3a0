import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import { testRedisUrl } from '@weir/testkit/redis';
import { startTestFleet, type TestFleet } from './test-fleet.ts';
import { MODEL } from './test-proxy.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const redisUrl = testRedisUrl();
const PATH = '/v1/chat/completions';
const body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] };

let first: TestUpstream;
let second: TestUpstream;
let fleet: TestFleet;
let adminKey: string;
/** On Level 2, at the second upstream. */
let spareKey: Uuid;

beforeAll(async () => {
  first = await startTestUpstream();
  second = await startTestUpstream();
});
afterAll(async () => {
  await first.stop();
  await second.stop();
});

beforeEach(async () => {
  fleet = await startTestFleet({ upstreamUrl: first.url, redisUrl: redisUrl ?? '', proxies: 2 });
  const { change, tenant } = fleet.first;
  await change(`update identity.accounts set gear = 1, switch_over = '[{"from":1,"to":2}]' where id = $1`, [
    tenant.teamId,
  ]);
  spareKey = await fleet.first.addProviderKey({ level: 2, base_url: second.url });
  adminKey = await fleet.first.addApiKey({ scopes: ['admin'], account_id: tenant.ownerId });
  first.respond(answerWith(completion()));
  second.respond(answerWith(completion()));
});
afterEach(() => fleet.stop());

function post(proxy: 0 | 1, headers: Readonly<Record<string, string>> = {}, given: object = body) {
  return fetch(`${fleet.urls[proxy]}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': fleet.first.apiKey, ...headers },
    body: JSON.stringify(given),
  });
}

interface KeyShown {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly models: readonly { readonly model: string; readonly state: string; readonly reason: string }[];
}

async function ask(proxy: 0 | 1, path: string, apiKey = adminKey): Promise<Response> {
  return fetch(`${fleet.urls[proxy]}${path}`, { headers: { 'x-api-key': apiKey } });
}

/** The keys by Level, as one proxy tells. */
async function keys(proxy: 0 | 1): Promise<readonly [KeyShown, KeyShown]> {
  const response = await ask(proxy, '/v1/routing/keys');
  expect(response.status).toBe(200);
  return ((await response.json()) as { data: [KeyShown, KeyShown] }).data;
}

describe.skipIf(redisUrl === undefined)('two proxies on one Redis', () => {
  it('share a sleep: the second does not ask the key that failed at the first', async () => {
    first.respond(answerWith('{}', 429, { 'retry-after': '30' }));
    expect((await post(0)).headers.get('x-routing-decision')).toBe('FAILOVER');
    await vi.waitFor(async () => {
      const [primary] = await keys(1);
      expect(primary.models).toMatchObject([{ model: MODEL, state: 'sleeping', reason: 'throttled' }]);
    }, PATIENTLY);
    const response = await post(1);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-routing-backend')).toBe(encodeId('providerKey', spareKey));
    // Nothing was asked before, and yet it is not the usual key that answers.
    expect(response.headers.get('x-routing-failover')).toBe('1');
    expect(first.received).toHaveLength(1);
  });

  it('write where people look what they found out, soon and once', async () => {
    first.respond(answerWith('{}', 500));
    await post(0);
    await vi.waitFor(async () => {
      const { rows } = await fleet.first.db.query(
        'select model, state, reason, failures from identity.provider_key_states',
      );
      expect(rows).toEqual([{ model: MODEL, state: 'SLEEPING', reason: 'broken', failures: 1 }]);
    }, PATIENTLY);
  });

  it('disable a key that its provider refuses, and neither asks it again', async () => {
    first.respond(answerWith('{}', 401));
    expect((await post(0)).status).toBe(200);
    await vi.waitFor(async () => {
      for (const proxy of [0, 1] as const) {
        const [primary] = await keys(proxy);
        expect(primary).toMatchObject({
          state: 'disabled',
          reason: 'The provider refused the key with status 401.',
        });
      }
    }, PATIENTLY);
    for (const proxy of [0, 1] as const) expect((await post(proxy)).status).toBe(200);
    expect(first.received).toHaveLength(1);
  });

  it('take a key back that a person enabled again', async () => {
    first.respond(answerWith('{}', 401));
    await post(0);
    await vi.waitFor(async () => {
      expect((await keys(0))[0].state).toBe('disabled');
    }, PATIENTLY);
    first.respond(answerWith(completion()));
    await fleet.first.change(
      `update identity.provider_keys set status = 'ENABLED', disabled_reason = null where status = 'DISABLED'`,
    );
    await vi.waitFor(async () => {
      expect((await post(0)).headers.get('x-routing-decision')).toBe('PRIMARY');
    }, PATIENTLY);
  });

  it('do not disable a key for a 403, which may be about one model or one request', async () => {
    first.respond(answerWith('{}', 403));
    expect((await post(0)).status).toBe(200);
    const [primary] = await keys(0);
    expect(primary).toMatchObject({ state: 'awake', models: [{ state: 'sleeping', reason: 'forbidden' }] });
  });

  it('stop asking a key at the kill switch, and say why', async () => {
    await fleet.first.change(
      `update identity.provider_keys set status = 'KILLED', disabled_reason = 'leaked' where level = 1`,
    );
    for (const proxy of [0, 1] as const) expect((await keys(proxy))[0].state).toBe('killed');
    first.respond(answerWith(completion()));
    for (const proxy of [0, 1] as const) expect((await post(proxy)).status).toBe(200);
    expect(first.received).toEqual([]);
    expect((await keys(1))[0].reason).toBe('leaked');
  });

  it('recognise a repetition that comes to the other proxy', async () => {
    const header = { 'idempotency-key': 'once' };
    const answered = await post(0, header);
    expect(answered.status).toBe(200);
    await answered.arrayBuffer();
    await vi.waitFor(async () => {
      const repeated = await post(1, header);
      expect(repeated.status).toBe(409);
      expect(await repeated.json()).toMatchObject({
        code: 'DUPLICATE_REQUEST',
        firstRequestId: answered.headers.get('x-request-id'),
      });
    }, PATIENTLY);
    expect(first.received).toHaveLength(1);
  });

  it('free the name of a request that came to nothing', async () => {
    const header = { 'idempotency-key': 'again' };
    first.respond(answerWith('{}', 500));
    second.respond(answerWith('{}', 500));
    expect((await post(0, header)).status).toBe(502);
    second.respond(answerWith(completion()));
    await vi.waitFor(async () => {
      // Both keys sleep; what matters is that the repetition is let through to find that out.
      expect((await post(1, header)).status).toBe(503);
    }, PATIENTLY);
  });

  it('send every turn of a sticky conversation to one key, whichever of them it comes to', async () => {
    const { change } = fleet.first;
    await change('update identity.accounts set sticky_routing = true where parent_id is null');
    await change('update identity.provider_keys set level = 1');
    for (const opening of ['Hello', 'How are you?', 'Tell me more.', 'What else?']) {
      const messages = [{ role: 'user', content: opening }];
      const backends = new Set<string | null>();
      for (const proxy of [0, 1, 0, 1] as const) {
        const response = await post(proxy, {}, { model: MODEL, messages });
        backends.add(response.headers.get('x-routing-backend'));
        messages.push({ role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'And then?' });
      }
      expect(backends.size).toBe(1);
    }
  });

  it('tell the routing of an organization to its administrators only, and not to those of a part', async () => {
    const ofTeam = await fleet.first.addApiKey({ scopes: ['admin'] });
    for (const path of ['/v1/routing/keys', '/v1/routing/decisions']) {
      const refusals = [
        [fleet.first.apiKey, 'INSUFFICIENT_SCOPE'],
        [ofTeam, 'FORBIDDEN'],
      ] as const;
      for (const [apiKey, code] of refusals) {
        const refused = await ask(0, path, apiKey);
        expect(refused.status).toBe(403);
        expect(await refused.json()).toMatchObject({ code });
      }
    }
  });
});
