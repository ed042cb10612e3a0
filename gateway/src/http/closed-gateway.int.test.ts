import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { newUuid } from '@weir/kernel/ids';
import { hashOf } from '../operations/registered-operations.ts';
import { personOf, startTestPlatform, type TestPlatform } from '../test-platform.ts';

const REGISTERED = 'query Registered { viewerName }';
const SCHEMA_QUESTION = 'query Schema { __schema { queryType { name } } }';
const MISSPELT = 'query Misspelt { viewerNam }';
const OTHER_STREAM = 'subscription ($id: ID!) { alertRaised(organizationId: $id) { id } }';

const folder = mkdtempSync(join(tmpdir(), 'weir-operations-'));
let platform: TestPlatform;

beforeAll(async () => {
  const file = join(folder, 'operations.json');
  const operations = [REGISTERED, SCHEMA_QUESTION, MISSPELT].map((text) => [hashOf(text), text]);
  writeFileSync(file, JSON.stringify(Object.fromEntries(operations)));
  platform = await startTestPlatform({ GRAPHQL_INTROSPECTION: 'false', GRAPHQL_REGISTERED_OPERATIONS: file });
  platform.actors.set('token', personOf(newUuid()));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await platform.stop();
});

async function post(body: object) {
  const response = await fetch(platform.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer token' },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

describe('a gateway that is closed to strangers', () => {
  it('runs a registered operation by its hash alone and by its text', async () => {
    const persistedQuery = { version: 1, sha256Hash: hashOf(REGISTERED) };
    expect((await post({ extensions: { persistedQuery } })).text).toContain('"viewerName":');
    expect((await post({ query: REGISTERED })).text).toContain('"viewerName":');
  });

  it('refuses every other operation, and does not learn it', async () => {
    const query = '{ viewerName }';
    const persistedQuery = { version: 1, sha256Hash: hashOf(query) };
    const refused = await post({ query, extensions: { persistedQuery } });
    expect([refused.status, refused.text.includes('"FORBIDDEN"')]).toEqual([403, true]);
    expect((await post({ extensions: { persistedQuery } })).text).toContain('PERSISTED_QUERY_NOT_FOUND');
  });

  it('refuses other subscriptions too', async () => {
    const client = createClient({
      url: platform.socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: 'Bearer token' },
      retryAttempts: 0,
    });
    const events = client.iterate({ query: OTHER_STREAM, variables: { id: newUuid() } });
    await expect(events.next()).rejects.toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    await client.dispose();
  });

  it('answers no question about its schema, not even by a suggestion', async () => {
    const asked = await post({ query: SCHEMA_QUESTION });
    expect([asked.status, asked.text.includes('GRAPHQL_VALIDATION_FAILED')]).toEqual([400, true]);
    const misspelt = await post({ query: MISSPELT });
    expect(misspelt.text).not.toContain('viewerName');
  });

  it('has no explorer', async () => {
    const page = await fetch(platform.url, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).not.toContain('text/html');
    expect((await fetch(new URL('/explorer/graphiql.js', platform.url))).status).toBe(404);
  });
});
