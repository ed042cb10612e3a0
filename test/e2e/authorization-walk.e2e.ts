import {
  buildClientSchema,
  getIntrospectionQuery,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FIELD_ACCESS } from '@weir/contracts/field-access';
import { addPerson, everyActor, type Actor, type ActorPlace } from './src/authorization/actors.ts';
import { expectedOf, outcomeOf } from './src/authorization/decision.ts';
import { decidingFields, useOf, type Use } from './src/authorization/fields.ts';
import { addTargets, valuesOf, type Targets } from './src/authorization/targets.ts';
import { openTenants, type Tenants } from './src/authorization/tenants.ts';
import type { GraphqlAnswer } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';

/** A subscription that ought to go on is watched for so long. */
const QUIET_MS = 1_500;
/** One that ought to be refused is given as much time as a busy machine may need to say so. */
const REFUSAL_MS = 60_000;

let platform: Platform;
let tenants: Tenants;
let schema: GraphQLSchema;
let actors: readonly Actor[];
let foreign: Targets;
let place: ActorPlace;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  tenants = await openTenants(platform);
  const { data } = await tenants.owner.send(getIntrospectionQuery({ descriptions: false }));
  schema = buildClientSchema(data as unknown as IntrospectionQuery);
  place = { ...tenants.own, access: platform.access };
  actors = await everyActor(place);
  foreign = await addTargets(tenants.foreign);
});
afterAll(async () => {
  await tenants.close();
  await platform[Symbol.asyncDispose]();
});

async function ask(headers: Actor['headers'], query: string): Promise<GraphqlAnswer> {
  const answer = await fetch(platform.access.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(60_000),
  });
  return (await answer.json()) as GraphqlAnswer;
}

/** What came of subscribing: refused, or silent for so long. */
async function listen(headers: Actor['headers'], query: string, silenceMs: number): Promise<GraphqlAnswer> {
  const client = createClient({ url: platform.access.graphqlWsUrl, webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 }); // prettier-ignore
  try {
    return await new Promise<GraphqlAnswer>((resolve) => {
      const silent = setTimeout(() => resolve({ data: { it: {} } }), silenceMs);
      const answer = (value: GraphqlAnswer): void => {
        clearTimeout(silent);
        resolve(value);
      };
      client.subscribe(
        { query },
        {
          next: ({ data, errors }) => answer({ data: data ?? null, ...(errors ? { errors } : {}) }),
          error: (error) =>
            answer({
              errors: Array.isArray(error)
                ? (error as GraphqlAnswer['errors'] & object)
                : [{ message: String(error), extensions: { code: 'UNAUTHENTICATED' } }],
            }),
          complete: () => answer({ data: {} }),
        },
      );
    });
  } finally {
    await client.dispose();
  }
}

/** Uses a field as somebody; undefined when it comes out as the tables say. */
async function tryField(field: string, actor: Actor, use: Use, isOwn: boolean): Promise<string | undefined> {
  const isSubscription = field.startsWith('Subscription.');
  const expected = expectedOf(actor, use.needed, isOwn);
  const answer = await (isSubscription
    ? listen(actor.headers, use.document, expected.includes('allowed') ? QUIET_MS : REFUSAL_MS)
    : ask(actor.headers, use.document));
  const outcome = outcomeOf(answer, isSubscription ? ['it'] : use.path);
  if (expected.includes(outcome)) return undefined;
  const whose = isOwn ? 'own' : 'another';
  return `${field} as ${actor.name} in ${whose} organization: ${outcome}, not ${expected.join(' or ')}: ${use.document} → ${JSON.stringify(answer).slice(0, 300)}`; // prettier-ignore
}

const use = (field: string, targets: Targets): Use => useOf(schema, field, targets, valuesOf(targets));

async function allOf(tries: readonly Promise<string | undefined>[]): Promise<string[]> {
  return (await Promise.all(tries)).filter((finding) => finding !== undefined);
}

/** What somebody changes who may: each on things of its own, as the change may end them. */
const isAllowed = (field: string, actor: Actor, targets: Targets): boolean =>
  expectedOf(actor, use(field, targets).needed, true).includes('allowed');

const fieldsOf = (root: RegExp): string[] => Object.keys(FIELD_ACCESS).filter((field) => root.test(field));
const isAboutOneself = (field: string): boolean =>
  [FIELD_ACCESS[field]].some((access) => access === 'anyone' || access === 'person' || access === 'signedIn');

it('every field that decides has a row in the table, and every row its field', () => {
  expect(Object.keys(FIELD_ACCESS).toSorted()).toEqual(
    [...new Set([...decidingFields(schema), ...fieldsOf(/./).filter(exists)])].toSorted(),
  );
  expect(decidingFields(schema).filter((field) => FIELD_ACCESS[field] === undefined)).toEqual([]);
});

function exists(field: string): boolean {
  const [typeName = '', fieldName = ''] = field.split('.');
  const type = schema.getType(typeName);
  return type !== undefined && 'getFields' in type && fieldName in type.getFields();
}

it('what can be read, and by whom, is what the table says', async () => {
  const own = await addTargets(tenants.own);
  const findings: string[] = [];
  for (const field of fieldsOf(/^(?!Mutation|Subscription)/)) {
    findings.push(...(await allOf(actors.map((actor) => tryField(field, actor, use(field, own), true)))));
    if (FIELD_ACCESS[field] === 'signedIn') continue;
    findings.push(
      ...(await allOf(actors.map((actor) => tryField(field, actor, use(field, foreign), false)))),
    );
  }
  expect(findings).toEqual([]);
});

it('what can be subscribed to, and by whom, is what the table says', async () => {
  const own = await addTargets(tenants.own);
  const tries = fieldsOf(/^Subscription/).flatMap((field) =>
    actors.flatMap((actor) => [
      tryField(field, actor, use(field, own), true),
      tryField(field, actor, use(field, foreign), false),
    ]),
  );
  expect(await allOf(tries)).toEqual([]);
});

it('what is refused to whom, of changes, is what the table says', async () => {
  const own = await addTargets(tenants.own);
  const findings: string[] = [];
  for (const field of fieldsOf(/^Mutation/).filter((name) => !isAboutOneself(name))) {
    const refused = actors.filter((actor) => !isAllowed(field, actor, own));
    findings.push(
      ...(await allOf(refused.map((actor) => tryField(field, actor, use(field, own), true)))),
      ...(await allOf(actors.map((actor) => tryField(field, actor, use(field, foreign), false)))),
    );
  }
  expect(findings).toEqual([]);
});

it('what is permitted to whom, of changes, is what the table says', async () => {
  const findings: string[] = [];
  for (const field of fieldsOf(/^Mutation/).filter((name) => !isAboutOneself(name))) {
    for (const actor of actors.filter((candidate) => isAllowed(field, candidate, foreign))) {
      const own = await addTargets(tenants.own);
      findings.push(...(await allOf([tryField(field, actor, use(field, own), true)])));
    }
  }
  expect(findings).toEqual([]);
});

it('what concerns oneself is for people, and what proves itself is for anyone', async () => {
  const own = await addTargets(tenants.own);
  const others = actors.filter(({ kind }) => kind !== 'person');
  const findings: string[] = [];
  for (const field of fieldsOf(/^Mutation/).filter(isAboutOneself)) {
    // Whoever signs out is gone, so each of them comes but once.
    const person = { name: 'somebody', kind: 'person', headers: await addPerson(place, { membership: { role: 'ANALYST' } }), permissions: [] } as const; // prettier-ignore
    const who =
      FIELD_ACCESS[field] === 'anyone' ? others.filter(({ kind }) => kind === 'nobody') : [...others, person];
    findings.push(...(await allOf(who.map((actor) => tryField(field, actor, use(field, own), true)))));
  }
  expect(findings).toEqual([]);
});
