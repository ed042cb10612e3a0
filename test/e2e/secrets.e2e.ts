import { createDecipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCanarySearch, type Canary, type FindCanaries } from './src/canaries.ts';
import { everyMutation, queriesForEveryField, type ValueOf } from './src/every-field.ts';
import { freePort } from './src/free-port.ts';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const PROVIDER_SECRET = 'sk-canary-of-a-provider-that-refuses-it';
const REPLACED_SECRET = 'sk-canary-of-a-secret-that-was-replaced';
const SHORT_SECRET = 'sk-canary-too-short';
const PASSWORD = 'canary of a wrong password';
/** What else is given in confidence: each gets the canary, and it must be in no answer, log, table or file afterwards. */
const SECRET_INPUT = /\.(\w*[pP]assword|otp|code|\w*[tT]oken|clientSecret|recoveryCode)$/;

const ADMIN_PORTS = ['PROXY_ADMIN_PORT', 'GATEWAY_ADMIN_PORT', 'IDENTITY_ADMIN_PORT', 'BILLING_ADMIN_PORT', 'ANALYTICS_ADMIN_PORT'] as const; // prettier-ignore

let platform: Platform;
let session: Session;
let database: pg.Client;
let search: FindCanaries;
let ports: readonly number[];
let output = '';
/** As the one answer that shows it did. */
let virtualKey: string;
const findings: string[] = [];

function look(place: string, text: string): void {
  findings.push(...search(place, text));
}

async function ask(place: string, query: string, variables: object = {}): Promise<Record<string, unknown>> {
  const answer = await session.send(query, variables as Record<string, unknown>);
  look(`the answer to ${place}`, JSON.stringify(answer));
  return answer.data ?? {};
}

interface Sealed {
  readonly owner_id: string;
  readonly ciphertext: string;
  readonly nonce: string;
  readonly version: number;
}

/** As docs/providers.md says that an owner's key is kept. */
function openOwnerKey({ owner_id, ciphertext, nonce, version }: Sealed, masterKey: string): Buffer {
  const bytes = Buffer.from(ciphertext, 'base64');
  const key = Buffer.from(masterKey, 'base64');
  const opened = createDecipheriv('chacha20-poly1305', key, Buffer.from(nonce, 'base64'), {
    authTagLength: 16,
  });
  opened.setAAD(Buffer.from(`owner:${owner_id}:${version}`), { plaintextLength: bytes.length - 16 });
  opened.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([opened.update(bytes.subarray(0, -16)), opened.final()]);
}

async function mutate(name: string, input: object, result: string): Promise<Record<string, unknown>> {
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  const mutation = `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${result} userErrors { code message field } } }`;
  const data = await ask(name, mutation, { input });
  return (data[name] ?? {}) as Record<string, unknown>;
}

beforeAll(async () => {
  ports = await Promise.all(ADMIN_PORTS.map(freePort));
  const environment = Object.fromEntries(ADMIN_PORTS.map((name, index) => [name, String(ports[index])]));
  platform = await startPlatform('embedded', { environment: { ...environment, LOG_LEVEL: 'trace' } });
  output = platform.output();
  const collect = (chunk: Buffer): void => void (output += chunk.toString());
  platform.process.stdout?.on('data', collect);
  platform.process.stderr?.on('data', collect);
  session = await signIn(platform.access);
  database = new pg.Client({ connectionString: platform.databaseUrl });
  await database.connect();
  const created = await session.ask<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
    `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "canary" }) { secret apiKey { id } } }`,
    { id: platform.access.organizationId },
  );
  virtualKey = created.apiKeyCreate.secret;
  const signing = await session.ask<{ apiKeySigningSecretCreate: { signingSecret: string } }>(
    'mutation ($id: ID!) { apiKeySigningSecretCreate(input: { id: $id }) { signingSecret } }',
    { id: created.apiKeyCreate.apiKey.id },
  );
  const secrets = JSON.parse(readFileSync(join(platform.home, 'secrets.json'), 'utf8')) as Record<
    string,
    string
  >;
  const { rows } = await database.query<Sealed>(
    'select owner_id, ciphertext, nonce, version from identity.owner_keys',
  );
  const masterKey = secrets['masterKey'] ?? '';
  const canaries: Canary[] = [
    { name: 'provider secret', secret: PROVIDER_SECRET },
    { name: 'replaced secret', secret: REPLACED_SECRET },
    { name: 'refused secret', secret: SHORT_SECRET },
    { name: 'wrong password', secret: PASSWORD },
    { name: 'virtual key', secret: virtualKey },
    { name: 'signing secret', secret: signing.apiKeySigningSecretCreate.signingSecret },
    { name: 'demo key', secret: platform.access.apiKey },
    { name: 'password', secret: platform.access.password },
    { name: 'demo provider’s secret', secret: secrets['providerKey'] ?? '' },
    { name: 'internal secret', secret: secrets['internalSecret'] ?? '' },
    { name: 'master key', secret: Buffer.from(masterKey, 'base64') },
    ...rows.map((row) => ({ name: 'owner’s key', secret: openOwnerKey(row, masterKey) })),
    // What opens with these is guarded by them; it is nobody's to see all the same.
    ...rows.map(({ ciphertext }) => ({ name: 'sealed owner’s key', secret: ciphertext })),
  ];
  search = createCanarySearch(canaries);
});
afterAll(async () => {
  await database.end();
  await platform[Symbol.asyncDispose]();
});

const nothing = (): void => {
  expect([...new Set(findings.splice(0))]).toEqual([]);
};

describe('no secret is shown', () => {
  it('finds what it looks for, in every encoding', () => {
    for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
      const text = `{"x":"${Buffer.from(virtualKey).toString(encoding)}"}`;
      expect(search('a text', text)).toEqual(['virtual key in a text']);
    }
  });

  it('by what is done with provider keys, or goes wrong with them', async () => {
    const { organizationId } = platform.access;
    const { rows } = await database.query<{ base_url: string }>(
      'select base_url from identity.provider_keys',
    );
    const key = { organizationId, name: 'Canary', provider: 'OPENAI', level: 7, baseUrl: rows[0]?.base_url };
    const result = 'providerKey { id secretHint baseUrl }';
    const added = await mutate('providerKeyAdd', { ...key, secret: REPLACED_SECRET }, result);
    const { id } = added['providerKey'] as { id: string };
    await mutate('providerKeyReplace', { id, secret: PROVIDER_SECRET }, result);
    await mutate('providerKeyTest', { id }, 'test { ok status message }');
    for (const broken of [
      { ...key, secret: SHORT_SECRET },
      { ...key, secret: PROVIDER_SECRET, baseUrl: `https://${PROVIDER_SECRET}@example.com` },
      { ...key, secret: PROVIDER_SECRET, provider: 'VERTEX' },
      { ...key, secret: PROVIDER_SECRET, level: 'seven' },
    ]) {
      await mutate('providerKeyAdd', broken, result).catch(() => undefined);
    }
    nothing();
  });

  it('by any field that can be asked for, or any mutation that is refused', async () => {
    const { data } = await session.send(getIntrospectionQuery());
    const schema = buildClientSchema(data as unknown as IntrospectionQuery);
    const { organizationId } = platform.access;
    const { organization } = await session.ask<{ organization: { accounts: { nodes: { id: string }[] } } }>(
      'query ($id: ID!) { organization(id: $id) { accounts(first: 1) { nodes { id } } } }',
      { id: organizationId },
    );
    const valueOf: ValueOf = (coordinate) => {
      if (coordinate === 'Query.account.id') return JSON.stringify(organization.accounts.nodes[0]?.id);
      if (coordinate === 'Query.organization.id' || coordinate.endsWith('.organizationId')) return JSON.stringify(organizationId); // prettier-ignore
      if (coordinate.endsWith('.start')) return JSON.stringify(new Date(Date.now() - 3_600_000));
      if (coordinate.endsWith('.end')) return JSON.stringify(new Date(Date.now() + 3_600_000));
      if (coordinate.endsWith('.secret')) return JSON.stringify(SHORT_SECRET);
      if (SECRET_INPUT.test(coordinate)) return JSON.stringify(PASSWORD);
      return undefined;
    };
    const queries = queriesForEveryField(schema, valueOf);
    expect(queries.length).toBeGreaterThan(20);
    for (const query of queries) await ask(query, query);
    for (const mutation of everyMutation(schema, valueOf)) {
      // Signing out ends the session that asks, and creating a key shows its secret by design.
      if (/^mutation \{ (signOut|apiKeyCreate|apiKeySigningSecretCreate)/.test(mutation)) continue;
      look(mutation, JSON.stringify(await session.send(mutation)));
    }
    const wrong = await sendGraphql(
      platform.access.graphqlUrl,
      'mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { userErrors { message } } }',
      { email: platform.access.email, password: PASSWORD },
    );
    look('a refused sign-in', JSON.stringify(wrong));
    nothing();
  });

  it('by the proxy, whether it serves, refuses or fails', async () => {
    await database.query(`update identity.accounts set level_mapper = '[{"pattern":"demo-large","level":7}]' where parent_id is null`); // prettier-ignore
    const send = async (body: string, headers: Record<string, string>, path = '/chat/completions') => {
      const answer = await fetch(platform.access.inferenceUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      });
      const text = await answer.text();
      look(`the proxy’s ${answer.status}`, text);
      look(`the headers of the proxy’s ${answer.status}`, JSON.stringify([...answer.headers]));
      return answer.status;
    };
    const body = (model: string) => JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] });
    const key = { 'x-api-key': virtualKey };
    expect(await send(body('demo-small'), key)).toBe(200);
    await until('the key that its provider refuses', async () =>
      (await send(body('demo-large'), { authorization: `Bearer ${virtualKey}` })) === 503 ? true : undefined,
    );
    for (const fault of ['500', '429', '400']) await send(body(`demo-fault-${fault}`), key);
    expect(await send('{', key)).toBe(400);
    expect(await send(body('unknown'), key)).toBe(404);
    expect(await send(body('demo-small'), { 'x-api-key': `${virtualKey.slice(0, -1)}!` })).toBe(401);
    expect(await send(body('demo-small'), key, '/nowhere')).toBe(404);
    nothing();
  });

  it('by metrics, health and logs, however much is logged', async () => {
    for (const port of ports) {
      for (const path of ['metrics', 'readyz', 'healthz']) {
        const answer = await fetch(`http://127.0.0.1:${port}/${path}`);
        look(`${path} of ${port}`, await answer.text());
      }
    }
    expect(output.length).toBeGreaterThan(1_000);
    // Between the lines of the log the launcher prints the demo's access, as it is made to.
    look(
      'the logs',
      output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .join('\n'),
    );
    nothing();
  });

  it('by any table, in any column', async () => {
    const { rows: tables } = await database.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(20);
    for (const { name } of tables) {
      const { rows } = await database.query<{ dump: string | null }>(
        `select string_agg(t::text, e'\\n') as dump from ${name} t`,
      );
      const dump = rows[0]?.dump ?? '';
      const found = search(name, dump);
      // An owner's key is kept sealed: there, and nowhere else.
      findings.push(...found.filter((finding) => finding !== 'sealed owner’s key in identity.owner_keys'));
    }
    nothing();
  });

  it('by any file but the two that are made to hold them', () => {
    const byDesign = new Set(['secrets.json', 'demo.json']);
    const files = readdirSync(platform.home, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(100);
    for (const entry of files) {
      if (entry.parentPath === platform.home && byDesign.has(entry.name)) continue;
      let text: string;
      try {
        text = readFileSync(join(entry.parentPath, entry.name), 'latin1');
      } catch {
        // The database removes files of its own while it runs.
        continue;
      }
      const found = search(entry.name, text);
      findings.push(...found.filter((finding) => !finding.startsWith('sealed')));
    }
    nothing();
  });
});
