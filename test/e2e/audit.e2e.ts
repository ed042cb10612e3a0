import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, type Session } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

let platform: Platform;
let session: Session;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  session = await signIn(platform.access);
});
afterAll(() => platform[Symbol.asyncDispose]());

interface Event {
  readonly action: string;
  readonly result: string;
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly actor: { readonly name: string | null };
  readonly target: { readonly id: string | null; readonly name: string | null };
}

async function events(filter: object): Promise<readonly Event[]> {
  const { organization } = await session.ask<{ organization: { auditEvents: { nodes: readonly Event[] } } }>(
    `query ($id: ID!, $filter: AuditEventFilter) { organization(id: $id) { auditEvents(filter: $filter, first: 100) {
       nodes { action result requestId ipAddress userAgent actor { name } target { id name } } } } }`,
    { id: platform.access.organizationId, filter },
  );
  return organization.auditEvents.nodes;
}

const post = (body: object, credential: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(platform.access.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'audit-test/1', ...credential },
    body: JSON.stringify(body),
  });

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${session.accessToken}` });

const CREATE = `mutation ($id: ID!, $name: String!) { apiKeyCreate(input: { organizationId: $id, name: $name }) {
  secret apiKey { id } userErrors { code } } }`;

async function createKey(name: string): Promise<{ secret: string; id: string; requestId: string | null }> {
  const variables = { id: platform.access.organizationId, name };
  const response = await post({ query: CREATE, variables }, bearer());
  const { data } = (await response.json()) as {
    data: { apiKeyCreate: { secret: string; apiKey: { id: string } } };
  };
  const { secret, apiKey } = data.apiKeyCreate;
  return { secret, id: apiKey.id, requestId: response.headers.get('x-request-id') };
}

describe('an audit trail at the gateway', () => {
  it('tells of a change as soon as it is answered: who, from where, in which request', async () => {
    const { id, requestId } = await createKey('watched');
    expect(await events({ targetId: id })).toEqual([
      {
        action: 'apikey.create',
        result: 'SUCCESS',
        requestId,
        ipAddress: '127.0.0.1',
        userAgent: 'audit-test/1',
        actor: { name: platform.access.email },
        target: { id, name: 'watched' },
      },
    ]);
  });

  it('tells of changes in every part of the platform', async () => {
    await session.ask(
      `mutation ($id: ID!) { budgetCreate(input: { organizationId: $id, name: "Audited", metric: REQUESTS, limit: "5",
         period: DAILY }) { userErrors { code } } }`,
      { id: platform.access.organizationId },
    );
    expect(await events({ actions: ['budget.create'], search: 'audited' })).toHaveLength(1);
  });

  it('tells soon of who was refused', async () => {
    const { secret } = await createKey('may-little');
    const refused = await post(
      { query: CREATE, variables: { id: platform.access.organizationId, name: 'x' } },
      { 'x-api-key': secret },
    );
    expect(await refused.text()).toContain('FORBIDDEN');
    const denied = await until('the refusal in the trail', async () =>
      (await events({ result: 'DENIED', search: 'may-little' })).at(0),
    );
    expect(denied).toMatchObject({ action: 'access.denied', actor: { name: 'may-little' } });
  });
});

interface Export {
  readonly url: string;
  readonly sha256: string;
  readonly events: number;
  readonly bytes: string;
}

async function exportAs(
  format: 'NDJSON' | 'CSV',
  range?: object,
): Promise<{ export: Export | null; userErrors: { code: string }[] }> {
  const span = range ?? {
    start: new Date(Date.now() - 3_600_000).toISOString(),
    end: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const { auditExport } = await session.ask<{
    auditExport: { export: Export | null; userErrors: { code: string }[] };
  }>(
    `mutation ($input: AuditExportInput!) { auditExport(input: $input) {
       export { url sha256 events bytes } userErrors { code } } }`,
    { input: { organizationId: platform.access.organizationId, format, filter: { range: span } } },
  );
  return auditExport;
}

describe('an export', () => {
  it('is the file behind a link, the same each time, with the checksum that was told', async () => {
    const { secret } = await createKey('exported');
    const { export: exported } = await exportAs('NDJSON');
    await createKey('too late to be in it');
    for (let round = 0; round < 2; round++) {
      const response = await fetch(exported?.url ?? '');
      const content = await response.text();
      expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('content-disposition')).toMatch(
        /^attachment; filename="audit-[\d-]+\.ndjson"$/,
      );
      expect(createHash('sha256').update(content).digest('hex')).toBe(exported?.sha256);
      expect(String(Buffer.byteLength(content))).toBe(exported?.bytes);
      const lines = content
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { targetName: string | null });
      expect(lines).toHaveLength(exported?.events ?? 0);
      expect(lines.map((line) => line.targetName)).toContain('exported');
      expect(content).not.toContain('too late');
      expect(content).not.toContain(secret);
    }
    expect((await events({ actions: ['audit.*'] })).map((event) => event.action)).toEqual([
      'audit.download',
      'audit.download',
      'audit.export',
    ]);
  });

  it('as CSV is harmless in a spreadsheet', async () => {
    for (const name of ['=HYPERLINK("http://x")', '+1', '-1', '@SUM(A1)']) await createKey(name);
    const { export: exported } = await exportAs('CSV');
    const content = await (await fetch(exported?.url ?? '')).text();
    expect(content.split('\n')[0]).toContain('sequence,id,occurredAt,organizationId,actorType');
    expect(content).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(content).toMatch(/,'\+1,/);
    expect(content).not.toMatch(/(^|,)"?[=+@-][A-Z1]/m);
  });

  it('needs a bounded range', async () => {
    const range = { start: '2020-01-01T00:00:00Z', end: '2026-01-01T00:00:00Z' };
    expect(await exportAs('CSV', range)).toMatchObject({
      export: null,
      userErrors: [{ code: 'INVALID_RANGE' }],
    });
  });

  it.each(['nonsense', 'A'.repeat(43)])('is not there behind another link: %s', async (token) => {
    const base = platform.access.graphqlUrl.replace(/\/graphql$/, '');
    const response = await fetch(`${base}/v1/audit/exports/${token}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'NOT_FOUND' });
  });
});
