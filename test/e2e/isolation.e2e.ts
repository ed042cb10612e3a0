import {
  buildClientSchema,
  getIntrospectionQuery,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { intrudingMutations, intrudingQueries, type Intrusion } from './src/authorization/id-places.ts';
import { addTargets, valuesOf, type Targets } from './src/authorization/targets.ts';
import { openTenants, type Tenants } from './src/authorization/tenants.ts';
import { startPlatform, type Platform } from './src/platform.ts';

let platform: Platform;
let tenants: Tenants;
let schema: GraphQLSchema;
let own: Targets;
let foreign: Targets;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  tenants = await openTenants(platform);
  const { data } = await tenants.owner.send(getIntrospectionQuery({ descriptions: false }));
  schema = buildClientSchema(data as unknown as IntrospectionQuery);
  own = await addTargets(tenants.own);
  foreign = await addTargets(tenants.foreign);
});
afterAll(async () => {
  await tenants.close();
  await platform[Symbol.asyncDispose]();
});

/** What every table holds of the other organization. */
async function foreignRows(): Promise<Record<string, string>> {
  const { client, foreign: place } = tenants;
  const { rows: tables } = await client.query<{ name: string; tenant: string }>(
    `select n.nspname || '.' || c.relname as name, a.attname as tenant
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attname in ('organization_id', 'chain_id')
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('identity', 'billing', 'analytics', 'audit')`,
  );
  const contents: Record<string, string> = {};
  for (const { name, tenant } of tables) {
    const { rows } = await client.query<{ content: string | null }>(
      `select string_agg(t::text, e'\\n' order by t::text) as content from ${name} t where ${tenant} = $1`,
      [place.organizationId],
    );
    contents[name] = rows[0]?.content ?? '';
  }
  return contents;
}

/** Every id and name of the other organization, but for what was sent. */
function leaksOf(answer: string, document: string): string[] {
  return Object.values<string>({ ...foreign }).filter(
    (secret) => answer.includes(secret) && !document.includes(secret),
  );
}

async function intrude(intrusions: readonly Intrusion[]): Promise<string[]> {
  const findings: string[] = [];
  for (let from = 0; from < intrusions.length; from += 8) {
    const answers = intrusions.slice(from, from + 8).map(async ({ place, document }) => {
      const answer = await tenants.owner.send(document);
      const text = JSON.stringify(answer);
      const leaks = leaksOf(text, document);
      if (leaks.length > 0) findings.push(`${place} tells ${leaks.join(', ')}`);
      const codes = (answer.errors ?? []).map(({ extensions }) => extensions?.code ?? '');
      if (codes.some((code) => code === 'INTERNAL' || code === 'GRAPHQL_VALIDATION_FAILED'))
        findings.push(`${place}: ${text}`);
    });
    await Promise.all(answers);
  }
  return findings;
}

it('no id of another organization changes anything there, wherever an input takes it', async () => {
  const before = await foreignRows();
  expect(Object.values(before).filter((content) => content !== '').length).toBeGreaterThan(15);
  const intrusions = intrudingMutations(
    schema,
    valuesOf(own),
    Object.values<string>({ ...foreign }).filter((id) => !id.includes('@')),
  );
  expect(intrusions.length).toBeGreaterThan(500);
  expect(await intrude(intrusions)).toEqual([]);
  expect(await foreignRows()).toEqual(before);
});

it('no id of another organization finds anything there, wherever a field or a filter takes it', async () => {
  const ids = Object.values<string>({ ...foreign }).filter((id) => !id.includes('@'));
  const intrusions = intrudingQueries(schema, own, ids);
  const findings: string[] = [];
  for (const { place, document } of intrusions) {
    const { data, errors } = await tenants.owner.send(document);
    const codes = (errors ?? []).map(({ extensions }) => extensions?.code ?? '');
    if (codes.some((code) => !['NOT_FOUND', 'BAD_USER_INPUT', 'FORBIDDEN'].includes(code)))
      findings.push(`${place}: ${JSON.stringify(errors)}`);
    const found = ids.filter((id) => JSON.stringify(data ?? null).includes(id));
    if (found.length > 0) findings.push(`${place} finds ${found.join(', ')}`);
  }
  expect(intrusions.length).toBeGreaterThan(50);
  expect(findings).toEqual([]);
});
