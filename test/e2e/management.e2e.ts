import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

interface UsageAnswer {
  readonly organization: {
    readonly usage: {
      readonly totals: {
        readonly requests: string;
        readonly totalTokens: string;
        readonly cost: { amount: string };
      };
    };
  };
}

const USAGE = `query ($id: ID!, $start: DateTime!, $end: DateTime!) {
  organization(id: $id) { usage(range: { start: $start, end: $end }, granularity: HOUR) {
    totals { requests totalTokens cost { amount } } } } }`;

describe.each(modes())('management on the %s platform', (mode) => {
  let platform: Platform;
  let session: Session;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    session = await signIn(platform.access);
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  const usage = (): Promise<UsageAnswer> =>
    session.ask<UsageAnswer>(USAGE, {
      id: platform.access.organizationId,
      start: new Date(Date.now() - 3_600_000).toISOString(),
      end: new Date(Date.now() + 3_600_000).toISOString(),
    });

  it('tells the signed-in person who they are and what they may do', async () => {
    const { viewer } = await session.ask<{ viewer: { user: { email: string }; permissions: string[] } }>(
      '{ viewer { user { email } permissions } }',
    );
    expect(viewer.user.email).toBe(platform.access.email);
    expect(viewer.permissions).toContain('org.budget.write');
  });

  it('answers an organization with its accounts, keys, budgets and the prices of its models in one operation', async () => {
    const { organization } = await session.ask<{
      organization: {
        name: string;
        accounts: { nodes: { kind: string }[] };
        apiKeys: { nodes: { prefix: string; last4: string }[] };
        models: { nodes: { name: string; prices: { nodes: unknown[] } }[] };
      };
    }>(
      `query ($id: ID!) { organization(id: $id) {
        name
        accounts { nodes { kind name } }
        apiKeys { nodes { prefix last4 status } }
        budgets { nodes { id } }
        models(first: 40) { nodes { name prices(first: 1) { nodes { validFrom } } } }
      } }`,
      { id: platform.access.organizationId },
    );
    expect(organization.accounts.nodes.map(({ kind }) => kind)).toContain('OWNER');
    const key = organization.apiKeys.nodes[0];
    expect(platform.access.apiKey.startsWith(key?.prefix ?? '?')).toBe(true);
    expect(platform.access.apiKey.endsWith(key?.last4 ?? '?')).toBe(true);
    const small = organization.models.nodes.find(({ name }) => name === 'demo-small');
    expect(small?.prices.nodes.length).toBeGreaterThan(0);
  });

  it('shows a request in usage with the provider’s tokens and their exact cost', async () => {
    const before = (await usage()).organization.usage.totals;
    const answer = (await (await chat(platform.access, { prompt: 'Count me.' })).json()) as {
      usage: { total_tokens: number };
    };
    const after = await until('the request in usage', async () => {
      const { totals } = (await usage()).organization.usage;
      return Number(totals.requests) > Number(before.requests) ? totals : undefined;
    });
    expect(Number(after.requests) - Number(before.requests)).toBe(1);
    expect(Number(after.totalTokens) - Number(before.totalTokens)).toBe(answer.usage.total_tokens);
    expect(after.cost.amount).toMatch(/^\d+(\.\d+)?$/);
    expect(after.cost.amount).not.toBe(before.cost.amount);
  });

  it('creates a key whose secret is shown once and works, and revokes it', async () => {
    const created = await session.ask<{
      apiKeyCreate: { secret: string; apiKey: { id: string; last4: string } };
    }>(
      `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "ci", scopes: ["inference:write"] }) {
        secret apiKey { id last4 } userErrors { message } } }`,
      { id: platform.access.organizationId },
    );
    const { secret, apiKey } = created.apiKeyCreate;
    expect(secret).toMatch(/^sk-Xvs[0-9A-Za-z]{45}$/);
    expect((await chat(platform.access, { apiKey: secret })).status).toBe(200);
    const revoked = await session.ask<{ apiKeyRevoke: { apiKey: { status: string } } }>(
      'mutation ($id: ID!) { apiKeyRevoke(input: { id: $id }) { apiKey { status } userErrors { message } } }',
      { id: apiKey.id },
    );
    expect(revoked.apiKeyRevoke.apiKey.status).toBe('REVOKED');
  });

  describe('what is refused', () => {
    it('anything without a token: UNAUTHENTICATED, with a sentence', async () => {
      const answer = await sendGraphql(
        platform.access.graphqlUrl,
        'query ($id: ID!) { organization(id: $id) { name } }',
        { id: platform.access.organizationId },
      );
      expect(answer.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
      expect(answer.errors?.[0]?.message.length).toBeGreaterThan(10);
    });

    it('a forged token', async () => {
      const [header, payload] = session.accessToken.split('.');
      const answer = await sendGraphql(
        platform.access.graphqlUrl,
        '{ viewer { user { email } } }',
        {},
        `${header}.${payload}.AAAA`,
      );
      expect(answer.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    });

    it('another organization’s id looks absent, well formed or not', async () => {
      for (const id of ['org_01jd3q9v0k8r9s2t3v4w5x6y7z', 'no-such-id']) {
        const { data, errors } = await session.send('query ($id: ID!) { organization(id: $id) { name } }', {
          id,
        });
        expect(data?.['organization'] ?? null).toBeNull();
        for (const error of errors ?? []) {
          expect(['NOT_FOUND', 'BAD_USER_INPUT']).toContain(error.extensions?.code);
        }
      }
      const { data, errors } = await session.send(
        'mutation { apiKeyRevoke(input: { id: "key_01jd3q9v0k8r9s2t3v4w5x6y7z" }) { userErrors { message } } }',
      );
      expect(JSON.stringify({ data, errors })).toMatch(/not found|no .*key|absent|does not exist/i);
    });

    it('an operation deeper than the limit, naming the limit', async () => {
      const ancestors = `${'{ parent '.repeat(30)}{ id }${' }'.repeat(30)}`;
      const { errors } = await session.send(
        `query ($id: ID!) { organization(id: $id) { accounts { nodes ${ancestors} } } }`,
        { id: platform.access.organizationId },
      );
      expect(errors?.[0]?.message).toMatch(/depth|deep/i);
      expect(errors?.[0]?.message).toMatch(/\d+/);
    });

    it('a wrong password, without telling whether the address exists', async () => {
      const attempt = async (email: string) => {
        const { data } = await sendGraphql(
          platform.access.graphqlUrl,
          'mutation ($email: String!) { signIn(input: { email: $email, password: "not the password" }) { accessToken userErrors { message code } } }',
          { email },
        );
        return data?.['signIn'];
      };
      const known = await attempt(platform.access.email);
      expect(known).toMatchObject({ accessToken: null });
      expect(await attempt('nobody@example.com')).toEqual(known);
    });
  });

  it('serves an explorer to a browser that loads nothing from elsewhere', async () => {
    const page = await fetch(platform.access.graphqlUrl, { headers: { accept: 'text/html' } });
    const html = await page.text();
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  });
});
