import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { testStores } from './test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const DAY_MS = 86_400_000;
/** What one answer of the provider costs, in nano-USD. */
const COST = 33_000n;

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly credit: Readonly<Record<string, unknown>>;
}

describe.each(testStores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;
  let parent: Uuid;
  let account: Uuid;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: store.redisUrl });
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  beforeEach(async () => {
    upstream.respond(answerWith(completion()));
    // New ones for each test, because spend of the same day counts.
    const { ownerId } = proxy.tenant;
    parent = await addAccount('Division', ownerId, `.${ownerId}.`);
    account = await addAccount('Project', parent, `.${ownerId}.${parent}.`);
  });

  const addAccount = async (name: string, parentId: Uuid, dna: string): Promise<Uuid> => {
    const id = newUuid();
    await proxy.insert('identity.accounts', {
      id,
      organization_id: proxy.tenant.organizationId,
      parent_id: parentId,
      dna,
      kind: 'PROJECT',
      name,
    });
    return id;
  };
  const today = () => new Date(proxy.now()).toISOString().slice(0, 10);
  const enforce = (accountId = account, isEnforced = true) =>
    proxy.insert('billing.credit_accounts', {
      account_id: accountId,
      organization_id: proxy.tenant.organizationId,
      is_enforced: isEnforced,
      started_on: today(),
    });
  const grant = (amount: bigint, days = 365, accountId = account) =>
    proxy.insert('billing.credit_lots', {
      id: newUuid(),
      organization_id: proxy.tenant.organizationId,
      account_id: accountId,
      amount: amount.toString(),
      granted_at: new Date(proxy.now()),
      granted_on: today(),
      expires_on: new Date(Date.parse(today()) + days * DAY_MS).toISOString().slice(0, 10),
      reference: 'Test',
      granted_by: 'test',
    });
  const newKey = () => proxy.addApiKey({ account_id: account });
  const ask = async (apiKey?: string, more: object = {}) =>
    proxy.post(PATH, { model: MODEL, messages, ...more }, { apiKey: apiKey ?? (await newKey()) });
  const denialOf = async (response: Response): Promise<Problem> => {
    expect(response.status).toBe(402);
    expect(response.headers.get('retry-after')).toBeNull();
    return (await response.json()) as Problem;
  };
  const creditOf = async (apiKey: string) => {
    const response = await fetch(`${proxy.url}/v1/usage`, { headers: { 'x-api-key': apiKey } });
    return ((await response.json()) as { readonly credit: unknown }).credit;
  };

  it('without enough of it a request is refused, naming account and balance, and served once more was granted', async () => {
    await enforce();
    await grant(20_000n);
    const apiKey = await newKey();
    const denied = await denialOf(await ask(apiKey));
    expect(denied).toMatchObject({
      code: 'INSUFFICIENT_CREDIT',
      credit: {
        account: { id: encodeId('account', account), name: 'Project' },
        balance: '0.00002',
        held: '0',
      },
    });
    expect(denied.detail).toContain('its balance is 0.00002 USD');
    expect(denied.detail).toContain('creditGrant');
    expect(upstream.received).toHaveLength(0);
    await grant(1_000_000_000n);
    await expect.poll(async () => (await ask(apiKey)).status).toBe(200);
    await expect
      .poll(() => creditOf(apiKey))
      .toEqual([
        {
          account_id: encodeId('account', account),
          account_name: 'Project',
          balance: '0.999987',
          held: '0',
        },
      ]);
  });

  it('that is not enforced refuses nothing', async () => {
    await enforce(account, false);
    expect((await ask()).status).toBe(200);
  });

  it('that is enforced again covers what was spent while it was not', async () => {
    await enforce();
    await grant(1_000_000n);
    expect((await ask(undefined, { max_tokens: 16 })).status).toBe(200);
    const set = (isEnforced: boolean) =>
      proxy.change('update billing.credit_accounts set is_enforced = $1 where account_id = $2', [
        isEnforced,
        account,
      ]);
    await set(false);
    for (let count = 0; count < 3; count++) expect((await ask()).status).toBe(200);
    await set(true);
    const apiKey = await newKey();
    await expect
      .poll(() => creditOf(apiKey))
      .toMatchObject([{ balance: formatUsd(1_000_000n - 4n * COST), held: '0' }]);
  });

  it('of every account of the chain has to cover a request, and the one that does not is named', async () => {
    await enforce();
    await grant(1_000_000_000n);
    await enforce(parent);
    await grant(1_000n, 365, parent);
    const { credit } = await denialOf(await ask());
    expect(credit).toMatchObject({ account: { name: 'Division' }, balance: '0.000001' });
    await grant(1_000_000_000n, 365, parent);
    expect((await ask()).status).toBe(200);
  });

  it('caps the output to what it covers, and refuses what cannot be bounded', async () => {
    await enforce();
    await grant(300_000n);
    const response = await ask();
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('x-weir-output-cap'))).toBeGreaterThan(16);
    const image = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ];
    const refused = await ask(await newKey(), { messages: image });
    expect(refused.status).toBe(400);
    expect(((await refused.json()) as Problem).detail).toContain('credit of its account is enforced');
  });

  it('is never exceeded by parallel requests, whose cost is exactly what is gone of it', async () => {
    await enforce();
    await grant(1_000_000n);
    const apiKey = await newKey();
    const responses = await Promise.all(Array.from({ length: 60 }, () => ask(apiKey, { max_tokens: 16 })));
    const served = responses.filter(({ status }) => status === 200);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200, 402]));
    await Promise.all(served.map((response) => proxy.closes(response)));
    const spent = COST * BigInt(served.length);
    expect(spent).toBeLessThanOrEqual(1_000_000n);
    const balance = `0.${(1_000_000n - spent).toString().padStart(9, '0').replace(/0+$/, '')}`;
    await expect.poll(() => creditOf(apiKey)).toMatchObject([{ balance, held: '0' }]);
  });

  it('lapses at the end of its last business day, what was spent of it first staying spent', async () => {
    await enforce();
    await grant(500_000_000n, 1);
    await grant(1_000_000_000n, 365);
    const apiKey = await newKey();
    const response = await ask(apiKey);
    expect(response.status).toBe(200);
    await proxy.closes(response);
    await expect.poll(() => creditOf(apiKey)).toMatchObject([{ balance: '1.499967' }]);
    proxy.advance(Date.parse(today()) + DAY_MS - proxy.now() - 1_500);
    expect(await creditOf(apiKey)).toMatchObject([{ balance: '1.499967' }]);
    proxy.advance(2_000);
    expect(await creditOf(apiKey)).toMatchObject([{ balance: '1' }]);
    expect((await ask(apiKey)).status).toBe(200);
    await expect.poll(() => creditOf(apiKey)).toMatchObject([{ balance: '0.999967', held: '0' }]);
  });

  it('counts a request that runs over midnight on the next day, too', async () => {
    await enforce();
    await grant(1_000_000_000n);
    const apiKey = await newKey();
    let finish: () => void = () => undefined;
    upstream.respond(async (_, res) => {
      await new Promise<void>((resolve) => (finish = resolve));
      res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
    });
    const midnightMs = Date.parse(today()) + DAY_MS;
    proxy.advance(midnightMs - proxy.now() - 10_000);
    const running = ask(apiKey);
    await expect.poll(() => upstream.received.length).toBe(1);
    const heldBefore = await creditOf(apiKey);
    expect(heldBefore).toMatchObject([{ balance: '1' }]);
    proxy.advance(midnightMs - proxy.now() + 10);
    expect(await creditOf(apiKey)).toEqual(heldBefore);
    finish();
    expect((await running).status).toBe(200);
    await expect.poll(() => creditOf(apiKey)).toMatchObject([{ balance: '0.999967', held: '0' }]);
  });
});
