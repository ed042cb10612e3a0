import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { applyListOperation, type AccessList, type AccessListName } from '@weir/kernel/acl';
import { newUuid } from '@weir/kernel/ids';
import { startTestProxy, type TestProxy } from './test-proxy.ts';
import { testStores } from './test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const HOUR_MS = 3_600_000;

/** What newcomers to these limits, mappings and lists do not expect; each has its test, with real stores. */
describe.each(testStores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({
      upstreamUrl: upstream.url,
      redisUrl: store.redisUrl,
      environment: { PROXY_TRUSTED_PROXIES: '127.0.0.1' },
    });
    upstream.respond(answerWith(completion()));
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  /** Half past three in the middle of the minute: no window of UTC or Tokyo ends while a test runs, whenever it runs. */
  beforeEach(() => {
    const dayMs = 24 * HOUR_MS;
    const atMs = 3.5 * HOUR_MS + 30_000;
    proxy.advance((2 * dayMs + atMs - (proxy.now() % dayMs)) % dayMs);
  });

  const newModel = async (columns: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const name = `model-${newUuid().slice(-8)}`;
    await proxy.addModel(name, columns);
    return name;
  };
  const ask = (model: string, apiKey: string, headers: Readonly<Record<string, string>> = {}) =>
    proxy.post(PATH, { model, messages }, { apiKey, headers });
  const retryAfterOf = (response: Response): number => {
    expect(response.status).toBe(429);
    return Number(response.headers.get('retry-after'));
  };
  const setAccount = (id: string, column: string, value: unknown) =>
    proxy.change(`update identity.accounts set ${column} = $1 where id = $2`, [JSON.stringify(value), id]);

  it('1. probing extends the cooldown of a short window, and not that of a day', async () => {
    const model = await newModel();
    const minute = await proxy.addApiKey({ limits: { requestsPerMinute: 1 } });
    // From the middle of a minute on the window is free again before the cooldown is, which is what is to be seen.
    await ask(model, minute);
    await ask(model, minute);
    for (let probe = 0; probe < 3; probe++) {
      proxy.advance(50_000);
      expect(retryAfterOf(await ask(model, minute))).toBe(60);
    }
    proxy.advance(60_000);
    expect((await ask(model, minute)).status).toBe(200);

    const daily = await proxy.addApiKey({ limits: { requestsPerDay: 1 } });
    await ask(model, daily);
    const first = retryAfterOf(await ask(model, daily));
    proxy.advance(10_000);
    const second = retryAfterOf(await ask(model, daily));
    // It was not begun anew, as the minute's was: what is left is less than it was, by at least the time that passed.
    expect(first - second).toBeGreaterThanOrEqual(10);
    proxy.advance(second * 1_000);
    expect((await ask(model, daily)).status).toBe(200);
  });

  it("2. a day of RPD and TPD is the organization's business day, not 24 hours", async () => {
    const model = await newModel();
    await proxy.change(`update identity.organizations set time_zone = 'Asia/Tokyo' where id = $1`, [
      proxy.tenant.organizationId,
    ]);
    const apiKey = await proxy.addApiKey({ limits: { requestsPerDay: 2 } });
    await ask(model, apiKey);
    await ask(model, apiKey);
    const untilMidnightInTokyoMs = () => 24 * HOUR_MS - ((proxy.now() + 9 * HOUR_MS) % (24 * HOUR_MS));
    const before = untilMidnightInTokyoMs();
    const waitMs = retryAfterOf(await ask(model, apiKey)) * 1_000;
    // In whole seconds, rounded up.
    expect(waitMs).toBeLessThan(before + 1_000);
    expect(waitMs).toBeGreaterThanOrEqual(untilMidnightInTokyoMs());
    proxy.advance(waitMs);
    expect((await ask(model, apiKey)).status).toBe(200);
    await proxy.change(`update identity.organizations set time_zone = 'UTC' where id = $1`, [
      proxy.tenant.organizationId,
    ]);
  });

  it('3. the request that crosses TPD succeeds, and the next one is refused', async () => {
    const model = await newModel();
    // Every answer uses 21 tokens.
    const apiKey = await proxy.addApiKey({ limits: { tokensPerDay: 30 } });
    const remaining = async () => {
      const response = await fetch(`${proxy.url}/v1/usage`, { headers: { 'x-api-key': apiKey } });
      const { limits } = (await response.json()) as {
        readonly limits: readonly { readonly remaining: number }[];
      };
      return limits[0]?.remaining;
    };
    expect((await ask(model, apiKey)).status).toBe(200);
    await expect.poll(remaining).toBe(9);
    expect((await ask(model, apiKey)).status).toBe(200);
    await expect.poll(remaining).toBe(0);
    expect((await ask(model, apiKey)).status).toBe(429);
  });

  it('4. alias, mapped and snapshot names of a model share one counter', async () => {
    const [alias, snapshot, mapped] = ['fast', '2024-08-06', 'gpt-4'].map(
      (name) => `${name}-${newUuid().slice(-8)}`,
    );
    const model = await newModel({ aliases: [alias], snapshots: [snapshot] });
    await setAccount(proxy.tenant.ownerId, 'model_mapper', [{ pattern: mapped, target: model }]);
    const apiKey = await proxy.addApiKey({
      model_limits: JSON.stringify([{ pattern: model, limits: { requestsPerHour: 4 } }]),
    });
    for (const name of [model, alias, snapshot, mapped]) {
      expect((await ask(name ?? '', apiKey)).status).toBe(200);
    }
    for (const name of [model, alias, snapshot, mapped]) {
      expect((await ask(name ?? '', apiKey)).status).toBe(429);
    }
    expect((await ask(await newModel(), await proxy.addApiKey())).status).toBe(200);
    await setAccount(proxy.tenant.ownerId, 'model_mapper', []);
  });

  it('5. the mapped model decides routing and billing', async () => {
    const [asked, mapped] = [await newModel(), await newModel()];
    const providerKeyId = await proxy.addProviderKey({ level: 4 });
    await proxy.change(
      `update billing.prices set input = input * 10, output = output * 10 where model = $1`,
      [mapped],
    );
    await setAccount(proxy.tenant.teamId, 'model_mapper', [{ pattern: asked, target: mapped }]);
    await setAccount(proxy.tenant.teamId, 'level_mapper', [{ pattern: mapped, level: 4 }]);
    const before = upstream.received.length;
    const response = await ask(asked, await proxy.addApiKey());
    expect(response.status).toBe(200);
    expect(JSON.parse(upstream.received[before]?.body ?? '{}')).toMatchObject({ model: mapped });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      model_requested: asked,
      model_effective: mapped,
      provider_key_id: providerKeyId,
      cost: '330000',
    });
    await setAccount(proxy.tenant.teamId, 'model_mapper', []);
    await setAccount(proxy.tenant.teamId, 'level_mapper', []);
  });

  it("6. an account's mapping hides the owner's for that same model only", async () => {
    const [first, second, forOwner, forTeam] = [
      await newModel(),
      await newModel(),
      await newModel(),
      await newModel(),
    ];
    await setAccount(proxy.tenant.ownerId, 'model_mapper', [
      { pattern: first, target: forOwner },
      { pattern: second, target: forOwner },
    ]);
    await setAccount(proxy.tenant.teamId, 'model_mapper', [{ pattern: first, target: forTeam }]);
    const apiKey = await proxy.addApiKey();
    const effectiveOf = async (name: string) =>
      (await proxy.closes(await ask(name, apiKey)))[0]?.['model_effective'];
    expect([await effectiveOf(first), await effectiveOf(second)]).toEqual([forTeam, forOwner]);
    await setAccount(proxy.tenant.ownerId, 'model_mapper', []);
    await setAccount(proxy.tenant.teamId, 'model_mapper', []);
  });

  it('7. texts of access lists add and remove; "*" and "-*" are operations there, though "*" is a pattern within a name', async () => {
    const [small, large] = [await newModel(), await newModel()];
    const statusesAfter = async (...operations: string[]) => {
      const list = listAfter('allowModels', operations);
      const apiKey = await proxy.addApiKey({ allow_models: list === null ? null : JSON.stringify(list) });
      return [(await ask(small, apiKey)).status, (await ask(large, apiKey)).status];
    };
    expect(await statusesAfter(small)).toEqual([200, 403]);
    expect(await statusesAfter(small, large)).toEqual([200, 200]);
    expect(await statusesAfter(`${small} ${large}`, `-${small}`)).toEqual([403, 200]);
    expect(await statusesAfter(`${small},${large}`, `-${small} ${large}`)).toEqual([403, 403]);
    expect(await statusesAfter(small, '*')).toEqual([200, 200]);
    expect(await statusesAfter(small, '-*')).toEqual([403, 403]);
    expect(await statusesAfter('-*', `${large.slice(0, -1)}*`)).toEqual([403, 200]);
  });

  it('8. "-*" on AllowIPs leaves 127.0.0.1', async () => {
    const model = await newModel();
    const list = listAfter('allowIps', ['10.0.0.0/8', '-*']);
    const apiKey = await proxy.addApiKey({ allow_ips: JSON.stringify(list) });
    expect((await ask(model, apiKey)).status).toBe(200);
    for (const address of ['10.1.2.3', '127.0.0.2', '203.0.113.9']) {
      expect((await ask(model, apiKey, { 'x-forwarded-for': address })).status).toBe(403);
    }
  });
});

/** What an unrestricted list is after the operations. */
function listAfter(name: AccessListName, operations: readonly string[]): AccessList {
  return operations.reduce<AccessList>((list, operation) => {
    const result = applyListOperation(name, list, operation);
    if (!result.ok) throw new Error(result.error);
    return result.value;
  }, null);
}
