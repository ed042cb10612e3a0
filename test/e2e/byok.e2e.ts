import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, type Session } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

interface Payload {
  readonly userErrors: readonly { readonly code: string; readonly message: string }[];
  readonly providerKey?: { readonly id: string; readonly status: string } | null;
  readonly test?: { readonly ok: boolean; readonly message: string } | null;
  readonly model?: { readonly id: string; readonly revision: number } | null;
  readonly price?: { readonly id: string } | null;
}

/** What each mutation is asked for. */
const RESULTS: Readonly<Record<string, string>> = {
  providerKeyAdd: 'providerKey { id status }',
  providerKeyTest: 'providerKey { id status } test { ok message }',
  providerKeyStatusSet: 'providerKey { id status }',
  providerKeyReplace: 'providerKey { id status }',
  modelRegister: 'model { id revision }',
  modelUpdate: 'model { id revision }',
  modelDisable: 'model { id revision }',
  priceSet: 'price { id }',
};

describe.each(modes())('an organization’s own keys, models and prices on the %s platform', (mode) => {
  let platform: Platform;
  let session: Session;
  let organizationId: string;
  /** The demo provider, which takes part as if the organization had brought it. */
  let provider: { readonly id: string; readonly baseUrl: string; readonly secret: string };

  beforeAll(async () => {
    platform = await startPlatform(mode);
    session = await signIn(platform.access);
    ({ organizationId } = platform.access);
    const { organization } = await session.ask<{
      organization: { providerKeys: { nodes: { id: string; baseUrl: string }[] } };
    }>('query ($id: ID!) { organization(id: $id) { providerKeys { nodes { id baseUrl } } } }', {
      id: organizationId,
    });
    const [seeded] = organization.providerKeys.nodes;
    if (!seeded) throw new Error('the demo organization has no provider key');
    const secrets = JSON.parse(readFileSync(join(platform.home, 'secrets.json'), 'utf8')) as {
      providerKey: string;
    };
    provider = { ...seeded, secret: secrets.providerKey };
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  async function mutate(name: string, input: object): Promise<Payload> {
    const Name = name.charAt(0).toUpperCase() + name.slice(1);
    const data = await session.ask<Record<string, Payload>>(
      `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${RESULTS[name] ?? ''} userErrors { code message } } }`,
      { input },
    );
    const payload = data[name];
    if (!payload) throw new Error(`${name} answered nothing`);
    return payload;
  }

  /** What every proxy answers once it has heard of a change. */
  async function everywhere(what: string, status: number, model = 'demo-small'): Promise<string[]> {
    return Promise.all(
      platform.access.inferenceUrls.map((url) =>
        until(what, async () => {
          const answer = await chat(platform.access, { url, model });
          const text = await answer.text();
          return answer.status === status ? text : undefined;
        }),
      ),
    );
  }

  it('a key that is added serves at once, and a killed one never again', async () => {
    await everywhere('the seeded key', 200);
    const killed = await mutate('providerKeyStatusSet', {
      id: provider.id,
      status: 'KILLED',
      reason: 'a drill',
    });
    expect(killed.providerKey?.status).toBe('KILLED');
    for (const text of await everywhere('the kill switch', 503)) {
      expect(JSON.parse(text)).toMatchObject({ code: 'NO_PROVIDER_KEY' });
      expect(text).not.toContain(provider.secret);
    }
    const wrong = { organizationId, provider: 'OPENAI', level: 1, baseUrl: provider.baseUrl };
    const refused = await mutate('providerKeyAdd', {
      ...wrong,
      name: 'Wrong',
      secret: 'sk-not-the-right-secret',
    });
    const test = await mutate('providerKeyTest', { id: refused.providerKey?.id });
    expect(test.test).toEqual({ ok: false, message: 'The provider refused the secret (401).' });
    const repaired = await mutate('providerKeyReplace', {
      id: refused.providerKey?.id,
      secret: provider.secret,
    });
    expect(repaired.userErrors).toEqual([]);
    expect((await mutate('providerKeyTest', { id: refused.providerKey?.id })).test?.ok).toBe(true);
    await everywhere('the key of the organization', 200);
  });

  it('a private address is refused, unless the operator lists its network', async () => {
    const key = { organizationId, provider: 'OPENAI', level: 1, name: 'Inside', secret: provider.secret };
    for (const baseUrl of [
      'https://10.0.0.1/v1',
      'http://169.254.169.254/latest',
      'https://[fd00:ec2::254]/v1',
    ]) {
      const { userErrors } = await mutate('providerKeyAdd', { ...key, baseUrl });
      expect(userErrors).toMatchObject([{ code: 'INVALID_BASE_URL' }]);
    }
  });

  it('a model of its own serves, costs what was agreed, and is refused from the moment it is disabled', async () => {
    const registered = await mutate('modelRegister', {
      organizationId,
      name: 'demo-small',
      aliases: ['house'],
      contextTokens: 8_000,
      maxOutputTokens: 500,
      capabilities: ['CHAT'],
    });
    expect(registered.userErrors).toEqual([]);
    const modelId = registered.model?.id;
    await everywhere('the alias', 200, 'house');
    const priced = await mutate('priceSet', {
      organizationId,
      modelId,
      inputPerMillion: '0',
      outputPerMillion: '0',
      perRequest: '0.125',
    });
    expect(priced.userErrors).toEqual([]);
    const { organization } = await session.ask<{
      organization: { models: { nodes: { name: string; scope: string; currentPrice: object }[] } };
    }>(
      `query ($id: ID!) { organization(id: $id) { models(first: 100) { nodes {
         name scope currentPrice { scope perRequest { amount } } } } } }`,
      { id: organizationId },
    );
    expect(organization.models.nodes.find(({ name }) => name === 'demo-small')).toEqual({
      name: 'demo-small',
      scope: 'ORGANIZATION',
      currentPrice: { scope: 'ORGANIZATION', perRequest: { amount: '0.125' } },
    });
    await mutate('modelUpdate', { id: modelId, capabilities: ['EMBEDDINGS'] });
    for (const text of await everywhere('the capability', 404))
      expect(text).toMatch(/registered for embeddings/);
    await mutate('modelDisable', { id: modelId });
    for (const text of await everywhere('the disabled model', 404)) expect(text).toMatch(/MODEL_NOT_FOUND/);
  });
});
