import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { policySnapshotSchema } from '@weir/contracts/policy-snapshot';
import { createDatabase, type Database } from '@weir/prisma/database';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { hashOfSecret } from '../api-keys/api-key.ts';

let identity: TestIdentity;
let proxy: Database;
let organization: TestOrganization;
let owner: Authenticated;
let apiKey: string;

beforeAll(async () => {
  identity = await startTestIdentity();
  proxy = createDatabase({ url: identity.databaseUrl, role: 'weir_proxy', max: 1 });
  for (const name of ['global-a', 'global-b']) {
    await identity.bootstrap.putModel({
      name,
      aliases: [`${name}-latest`],
      contextTokens: 1_000,
      maxOutputTokens: 100,
    });
  }
});
afterAll(async () => {
  await proxy.$disconnect();
  await identity.stop();
});
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  const { organizationId, rootAccountId: accountId } = organization;
  apiKey = (await identity.bootstrap.addApiKey({ organizationId, accountId, name: 'k', scopes: ['inference:write'] })).secret; // prettier-ignore
});

interface Payload {
  readonly model: {
    readonly id: string;
    readonly revision: number;
    readonly [member: string]: unknown;
  } | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] }[];
}

async function mutate(name: string, input: object, as = owner): Promise<Payload> {
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  const model = `model { id scope name revision aliases snapshots contextTokens maxOutputTokens minTier capabilities
    environments isEnabled revisions { revision } }`;
  const answer = await identity.graphql(
    `mutation ($input: ${Name}Input!) { ${name}(input: $input) {
      ${name === 'modelDelete' ? 'deletedModelId' : model} userErrors { code field } } }`,
    { input },
    as,
  );
  if (!answer.data?.[name]) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name] as Payload;
}

const registration = (extra: object = {}) => ({
  organizationId: organization.id,
  name: 'house',
  contextTokens: 8_000,
  maxOutputTokens: 1_000,
  ...extra,
});

async function register(extra: object = {}) {
  const { model, userErrors } = await mutate('modelRegister', registration(extra));
  if (!model) throw new Error(JSON.stringify(userErrors));
  return model;
}

/** What the proxies are told now, for a key of PRODUCTION. */
async function told() {
  const rows = await proxy.$queryRaw<{ snapshot: unknown }[]>`
    select policy.snapshot(${new Uint8Array(hashOfSecret(apiKey))}) as snapshot`;
  const { models } = policySnapshotSchema.parse(rows[0]?.snapshot);
  return new Map(models.map((model) => [model.name, model]));
}

async function names(args = ''): Promise<string[]> {
  const answer = await identity.graphql(
    `query ($id: ID!) { organization(id: $id) { models${args} { nodes { name revision } } } }`,
    { id: organization.id },
    owner,
  );
  const { models } = answer.data?.['organization'] as {
    models: { nodes: { name: string; revision: number }[] };
  };
  return models.nodes.map(({ name, revision }) => `${name} ${revision}`);
}

describe('a model of an organization', () => {
  it('is registered with everything that routing needs, and serves at once', async () => {
    const model = await register({
      aliases: ['house-latest'],
      snapshots: ['house-2026-01-01'],
      capabilities: ['CHAT', 'VISION'],
      minTier: 2,
    });
    expect(model).toMatchObject({
      scope: 'ORGANIZATION',
      revision: 1,
      capabilities: ['CHAT', 'VISION'],
      environments: ['DEVELOPMENT', 'STAGING', 'PRODUCTION'],
      isEnabled: true,
      revisions: [{ revision: 1 }],
    });
    expect((await told()).get('house')).toMatchObject({
      aliases: ['house-latest'],
      snapshots: ['house-2026-01-01'],
      capabilities: ['chat', 'vision'],
      minTier: 2,
    });
  });

  it('has revisions of which the latest in an environment serves there, until it is promoted, disabled or deleted', async () => {
    await register({ contextTokens: 1_000 });
    const second = await register({ contextTokens: 2_000, environments: ['DEVELOPMENT'] });
    expect(second.revision).toBe(2);
    expect((await told()).get('house')?.contextTokens).toBe(1_000);
    expect(await names('(environment: PRODUCTION)')).toContain('house 1');
    expect(await names('(environment: DEVELOPMENT)')).toContain('house 2');
    const promoted = await mutate('modelPromote', { id: second.id, environment: 'PRODUCTION' });
    expect(promoted.model).toMatchObject({ environments: ['DEVELOPMENT', 'PRODUCTION'] });
    expect(promoted.model?.['revisions']).toEqual([{ revision: 2 }, { revision: 1 }]);
    expect((await told()).get('house')?.contextTokens).toBe(2_000);
    await mutate('modelDisable', { id: second.id });
    expect((await told()).get('house')).toMatchObject({ contextTokens: 2_000, enabled: false });
    expect(await names('(includeDisabled: false)')).not.toContain('house 2');
    await mutate('modelEnable', { id: second.id });
    expect((await told()).get('house')?.enabled).toBe(true);
    await mutate('modelDelete', { id: second.id });
    expect((await told()).get('house')?.contextTokens).toBe(1_000);
  });

  it('hides the one for everybody of the same name, which its organization can neither change nor delete', async () => {
    const own = await register({ name: 'global-a', contextTokens: 5 });
    expect((await told()).get('global-a')?.contextTokens).toBe(5);
    expect(await names()).toEqual(['global-a 1', 'global-b 1']);
    await mutate('modelDelete', { id: own.id });
    expect((await told()).get('global-a')?.contextTokens).toBe(1_000);
    const answer = await identity.graphql(
      'query ($id: ID!) { organization(id: $id) { models { nodes { id scope } } } }',
      { id: organization.id },
      owner,
    );
    const { models } = answer.data?.['organization'] as {
      models: { nodes: { id: string; scope: string }[] };
    };
    const [global] = models.nodes;
    expect(global?.scope).toBe('GLOBAL');
    for (const name of ['modelDisable', 'modelDelete']) {
      expect((await mutate(name, { id: global?.id })).userErrors).toMatchObject([{ code: 'GLOBAL_MODEL' }]);
    }
  });

  it('never shares a name with another model, whichever was first', async () => {
    await register({ aliases: ['nickname'] });
    const taken = { code: 'NAME_TAKEN' };
    const tries = [
      { name: 'nickname' },
      { name: 'other', aliases: ['house'] },
      { name: 'other', snapshots: ['nickname'] },
      { name: 'other', aliases: ['global-b-latest'] },
      { name: 'global-a-latest' },
    ];
    for (const extra of tries) {
      expect((await mutate('modelRegister', registration(extra))).userErrors).toMatchObject([taken]);
    }
    const other = await register({ name: 'other' });
    const renamed = await mutate('modelUpdate', { id: other.id, aliases: ['nickname'] });
    expect(renamed).toMatchObject({ model: null, userErrors: [{ ...taken, field: ['aliases'] }] });
    const both = await Promise.all(
      ['x', 'y'].map((name) => mutate('modelRegister', registration({ name, aliases: ['contested'] }))),
    );
    expect(both.filter(({ model }) => model === null)).toHaveLength(1);
  });

  it('is changed member by member', async () => {
    const model = await register({ aliases: ['one'], minTier: 3 });
    const changed = await mutate('modelUpdate', {
      id: model.id,
      maxOutputTokens: 0,
      capabilities: ['EMBEDDINGS'],
    });
    expect(changed.model).toMatchObject({
      aliases: ['one'],
      minTier: 3,
      maxOutputTokens: 0,
      capabilities: ['EMBEDDINGS'],
    });
    const broken = await mutate('modelUpdate', { id: model.id, environments: [] });
    expect(broken.userErrors).toMatchObject([{ code: 'INVALID_ENVIRONMENTS', field: ['environments'] }]);
  });

  it('is nobody else’s', async () => {
    const model = await register();
    const stranger = await identity.ownerOf(await identity.organization());
    expect((await mutate('modelDisable', { id: model.id }, stranger)).userErrors).toMatchObject([
      { code: 'NOT_FOUND' },
    ]);
    const reader = { ...owner, permissions: ['org.read'] as const };
    const refused = mutate(
      'modelDisable',
      { id: model.id },
      { ...owner, ...reader, permissions: [...reader.permissions] },
    );
    await expect(refused).rejects.toThrow('FORBIDDEN');
  });
});
