import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let mine: TestOrganization;
let others: TestOrganization;
let owner: Authenticated;
let db: Database;

beforeAll(async () => {
  identity = await startTestIdentity();
  db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 2 });
  [mine, others] = [await identity.organization(), await identity.organization()];
  owner = await identity.ownerOf(mine);
});
afterAll(async () => {
  await db.$disconnect();
  await identity.stop();
});

const ORGANIZATION = `query ($id: ID!) {
  organization(id: $id) { id slug name status timeZone accounts { nodes { kind } } apiKeys { nodes { id } } models { nodes { name } } }
}`;

describe('organization(id)', () => {
  it('answers a member', async () => {
    const answer = await identity.graphql(ORGANIZATION, { id: mine.id }, owner);
    expect(answer).toMatchObject({
      data: {
        organization: {
          id: mine.id,
          status: 'ACTIVE',
          timeZone: 'Europe/Berlin',
          accounts: { nodes: [{ kind: 'OWNER' }] },
        },
      },
    });
  });

  it('answers null for another organization exactly as for none', async () => {
    const none = encodeId('organization', newUuid());
    for (const id of [others.id, none]) {
      expect(await identity.graphql(ORGANIZATION, { id }, owner)).toEqual({ data: { organization: null } });
    }
  });

  it('needs somebody who is signed in, and an organization’s id', async () => {
    const codeOf = async (id: string, as?: Authenticated) =>
      (await identity.graphql(ORGANIZATION, { id }, as)).errors?.[0]?.extensions.code;
    expect(await codeOf(mine.id)).toBe('UNAUTHENTICATED');
    expect(await codeOf(encodeId('account', mine.rootAccountId), owner)).toBe('BAD_USER_INPUT');
    expect(await codeOf('', owner)).toBe('BAD_USER_INPUT');
  });

  it('answers null and FORBIDDEN for a part that the member may not see, and the rest all the same', async () => {
    const answer = await identity.graphql(
      ORGANIZATION,
      { id: mine.id },
      { ...owner, permissions: ['org.read'] },
    );
    expect(answer.data?.['organization']).toMatchObject({ id: mine.id, accounts: null, apiKeys: null });
    expect(answer.errors?.map((error) => error.extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  });

  it('refuses impossible pages', async () => {
    const query = 'query ($id: ID!, $first: Int, $after: String) { organization(id: $id) { accounts(first: $first, after: $after) { nodes { id } } } }'; // prettier-ignore
    for (const page of [{ first: 0 }, { first: 101 }, { after: 'x' }]) {
      const answer = await identity.graphql(query, { id: mine.id, ...page }, owner);
      expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
  });
});

describe('lists', () => {
  it('give every account once, page by page', async () => {
    const organization = await identity.organization();
    const viewer = await identity.ownerOf(organization);
    const { organizationId, rootAccountId: parentId } = organization;
    for (let index = 0; index < 5; index++) {
      await identity.bootstrap.addAccount({ organizationId, parentId, kind: 'TEAM', name: `Team ${index}` });
    }
    const query = `query ($id: ID!, $after: String) { organization(id: $id) {
      accounts(first: 2, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
    } }`;
    const names: string[] = [];
    let after: string | null = null;
    for (let page = 0; page < 3; page++) {
      const answer = await identity.graphql(query, { id: organization.id, after }, viewer);
      const { accounts } = answer.data?.['organization'] as {
        accounts: { nodes: { name: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      };
      names.push(...accounts.nodes.map((account) => account.name));
      expect(accounts.pageInfo.hasNextPage).toBe(page < 2);
      after = accounts.pageInfo.endCursor;
    }
    expect(names.slice(1)).toEqual(['Team 0', 'Team 1', 'Team 2', 'Team 3', 'Team 4']);
  });

  it('show models for everybody by name', async () => {
    for (const name of ['demo-b', 'demo-a']) {
      await identity.bootstrap.putModel({
        name,
        aliases: [`${name}-latest`],
        contextTokens: 1_000,
        maxOutputTokens: 100,
      });
    }
    const answer = await identity.graphql(
      'query ($id: ID!) { organization(id: $id) { models { nodes { name aliases contextTokens maxOutputTokens isEnabled } } } }',
      { id: mine.id },
      owner,
    );
    const model = { contextTokens: 1_000, maxOutputTokens: 100, isEnabled: true };
    expect(answer.data?.['organization']).toEqual({
      models: {
        nodes: [
          { ...model, name: 'demo-a', aliases: ['demo-a-latest'] },
          { ...model, name: 'demo-b', aliases: ['demo-b-latest'] },
        ],
      },
    });
  });
});

describe('entities', () => {
  const ENTITIES = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
    ... on Organization { slug } ... on Account { name } ... on ApiKey { name } ... on User { email }
  } }`;

  it('of another organization look absent', async () => {
    const { organizationId, rootAccountId: accountId } = others;
    const { apiKeyId } = await identity.bootstrap.addApiKey({
      organizationId,
      accountId,
      name: 'k',
      scopes: ['admin'],
    });
    const representations = [
      { __typename: 'Organization', id: others.id },
      { __typename: 'Account', id: encodeId('account', accountId) },
      { __typename: 'ApiKey', id: encodeId('apiKey', apiKeyId) },
      { __typename: 'User', id: encodeId('user', others.userId) },
    ];
    const answer = await identity.graphql(ENTITIES, { representations }, owner);
    expect(answer).toEqual({ data: { _entities: [null, null, null, null] } });
  });

  it('of the own organization resolve', async () => {
    const representations = [
      { __typename: 'Organization', id: mine.id },
      { __typename: 'User', id: encodeId('user', mine.userId) },
    ];
    const answer = await identity.graphql(ENTITIES, { representations }, owner);
    expect(answer.data).toEqual({
      _entities: [{ slug: expect.any(String) as string }, { email: mine.email }],
    });
  });
});

describe('row-level security', () => {
  it('holds without any help from the code above it', async () => {
    const everything = await withTenant(db, { organizationId: mine.organizationId }, async (tx) => ({
      organizations: await tx.organization.findMany({ select: { id: true } }),
      accounts: await tx.account.findMany({ select: { organizationId: true } }),
      users: await tx.user.findMany({ select: { id: true } }),
      ownerKeys: await tx.ownerKey.findMany({ select: { organizationId: true } }),
    }));
    expect(everything).toEqual({
      organizations: [{ id: mine.organizationId }],
      accounts: [{ organizationId: mine.organizationId }],
      users: [{ id: mine.userId }],
      ownerKeys: [{ organizationId: mine.organizationId }],
    });
    expect(await db.apiKey.findMany()).toEqual([]);
    expect(await db.user.findMany()).toEqual([]);
  });

  it('lets no tenant write models for everybody', async () => {
    const write = withTenant(db, { organizationId: mine.organizationId }, (tx) =>
      tx.model.createMany({ data: [{ id: newUuid(), name: 'evil', contextTokens: 1, maxOutputTokens: 1 }] }),
    );
    await expect(write).rejects.toThrow();
  });
});
