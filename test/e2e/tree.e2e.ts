import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAccessApi, type AccessApi } from './src/access.ts';
import { signIn, type Session } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

describe.each(modes())('the tree of accounts on the %s platform', (mode) => {
  let platform: Platform;
  let session: Session;
  let api: AccessApi;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    session = await signIn(platform.access);
    api = await openAccessApi(session, platform.access.organizationId);
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  /** Waits until every proxy answers so: the code of a refusal, or the model that answered. */
  async function everywhere(apiKey: string, model: string, expected: string): Promise<void> {
    for (const url of platform.access.inferenceUrls) {
      await until(`${expected} for ${model} at ${url}`, async () => {
        const answer = await chat(platform.access, { url, apiKey, model, maxTokens: 4 });
        const body = (await answer.json()) as { code?: string; model?: string };
        return (body.code ?? body.model) === expected ? true : undefined;
      });
    }
  }

  async function create(parentId: string, name: string, settings: object = {}): Promise<string> {
    const created = await api.change('accountCreate', { parentId, kind: 'TEAM', name, ...settings });
    return (created['account'] as { id: string }).id;
  }

  async function keyOf(accountId: string, input: object = {}): Promise<string> {
    const { organizationId } = platform.access;
    const created = await api.change('apiKeyCreate', { organizationId, accountId, name: 'key', ...input });
    return created['secret'] as string;
  }

  it('a key at the leaf goes by whatever is above it now: after a move, a change and a deletion', async () => {
    const narrow = await create(api.rootId, 'Narrow', { access: { allowModels: { set: ['demo-small'] } } });
    const wide = await create(api.rootId, 'Wide');
    const middle = await create(narrow, 'Middle');
    const leaf = await create(middle, 'Leaf');
    const secret = await keyOf(leaf);
    await everywhere(secret, 'demo-small', 'demo-small');
    await everywhere(secret, 'demo-large', 'MODEL_NOT_ALLOWED');

    await api.change('accountMove', { id: middle, parentId: wide });
    await everywhere(secret, 'demo-large', 'demo-large');

    await api.change('accountUpdate', { id: wide, limits: { requestsPerMinute: 0 } });
    await everywhere(secret, 'demo-small', 'RATE_LIMITED');
    await api.change('accountUpdate', { id: wide, limits: null });

    await api.change('accountSubtreeUpdate', {
      id: middle,
      access: { allowModels: { set: ['demo-large'] } },
    });
    await everywhere(secret, 'demo-small', 'MODEL_NOT_ALLOWED');
    await api.change('accountSubtreeUpdate', { id: leaf, access: { allowModels: { apply: '*' } } });
    await everywhere(secret, 'demo-large', 'demo-large');

    await api.change('accountSuspend', { id: middle });
    await everywhere(secret, 'demo-large', 'ACCOUNT_SUSPENDED');
    await api.change('accountActivate', { id: middle });

    const ended = await keyOf(middle);
    await everywhere(ended, 'demo-large', 'demo-large');
    await api.change('accountDelete', { id: middle });
    await everywhere(ended, 'demo-large', 'API_KEY_REVOKED');
    // What the deleted account allowed no more than is the leaf's own list now.
    await everywhere(secret, 'demo-large', 'demo-large');
    await everywhere(secret, 'demo-small', 'MODEL_NOT_ALLOWED');
  });

  it('a service account does on the API what scopes and role permit, within its account and from its addresses', async () => {
    const created = await session.ask<{ serviceAccountCreate: { account: { id: string } } }>(
      `mutation ($input: ServiceAccountCreateInput!) { serviceAccountCreate(input: $input) { account { id } userErrors { message } } }`,
      { input: { parentId: api.rootId, name: `machine of ${mode}`, roleId: 'rol_analyst' } },
    );
    const { id } = created.serviceAccountCreate.account;
    const ask = async (apiKey: string, query: string) => {
      const response = await fetch(platform.access.graphqlUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
        body: JSON.stringify({ query, variables: { id: platform.access.organizationId } }),
      });
      const body = (await response.json()) as {
        data?: { organization?: unknown };
        errors?: { extensions: { code: string } }[];
      };
      return { status: response.status, ...body };
    };
    const secret = await keyOf(id, { scopes: ['admin'] });
    const query = `query ($id: ID!) { organization(id: $id) { accounts { nodes { id } }
      usage(range: { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" }, granularity: DAY) { totals { requests } } } }`;
    expect((await ask(secret, query)).data?.organization).toEqual({
      accounts: { nodes: [{ id }] },
      usage: null,
    });
    const suspend = `mutation { accountSuspend(input: { id: "${id}" }) { userErrors { code } } }`;
    expect((await ask(secret, suspend)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const elsewhere = await keyOf(id, {
      scopes: ['admin'],
      access: { allowIps: { set: ['198.51.100.0/24'] } },
    });
    const refused = await ask(elsewhere, query);
    expect([refused.status, refused.errors?.[0]?.extensions.code]).toEqual([403, 'IP_NOT_ALLOWED']);
  });
});
