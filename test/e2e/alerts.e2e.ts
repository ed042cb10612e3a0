import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, type Session } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

interface Alert {
  readonly id: string;
  readonly threshold: number;
  readonly budget: { readonly id: string; readonly name: string };
  readonly organization: { readonly name: string } | null;
}

const ALERTS = `subscription ($id: ID!, $after: ID) {
  budgetAlertRaised(organizationId: $id, after: $after) { id threshold budget { id name } organization { name } } }`;

const CREATE = `mutation ($input: BudgetCreateInput!) {
  budgetCreate(input: $input) { budget { id version } userErrors { message } } }`;

describe.each(modes())('budgets and their alerts on the %s platform', (mode) => {
  let platform: Platform;
  let session: Session;
  let keyId: string;
  let secret: string;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    session = await signIn(platform.access);
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  async function newKey(): Promise<void> {
    const { apiKeyCreate } = await session.ask<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
      `mutation ($id: ID!, $name: String!) { apiKeyCreate(input: { organizationId: $id, name: $name, scopes: ["inference:write"] }) {
        secret apiKey { id } userErrors { message } } }`,
      { id: platform.access.organizationId, name: `key ${crypto.randomUUID()}` },
    );
    keyId = apiKeyCreate.apiKey.id;
    secret = apiKeyCreate.secret;
  }

  async function newBudget(input: Record<string, unknown>): Promise<{ id: string; version: number }> {
    const { budgetCreate } = await session.ask<{
      budgetCreate: { budget: { id: string; version: number } | null; userErrors: unknown[] };
    }>(CREATE, {
      input: { organizationId: platform.access.organizationId, apiKeyId: keyId, period: 'MONTHLY', ...input },
    });
    expect(budgetCreate.userErrors).toEqual([]);
    if (!budgetCreate.budget) throw new Error('no budget');
    return budgetCreate.budget;
  }

  function watch(after?: string): { alerts: Alert[]; stop(): void } {
    const alerts: Alert[] = [];
    const client = session.socket();
    client.subscribe<{ budgetAlertRaised: Alert }>(
      {
        query: ALERTS,
        variables: { id: platform.access.organizationId, ...(after === undefined ? {} : { after }) },
      },
      {
        next: ({ data }) => {
          if (data) alerts.push(data.budgetAlertRaised);
        },
        error: (error) => {
          throw error instanceof Error ? error : new Error(JSON.stringify(error));
        },
        complete: () => undefined,
      },
    );
    return { alerts, stop: () => void client.dispose() };
  }

  /** An alert is told to whoever listens at that moment, so others are raised until one is heard. */
  async function untilHearing({ alerts }: { readonly alerts: readonly Alert[] }): Promise<void> {
    await until('an alert that shows that the subscription stands', async () => {
      if (alerts.length > 0) return true;
      await newKey();
      await newBudget({ name: 'one request', metric: 'REQUESTS', limit: '1', enforcement: 'WARN' });
      await chat(platform.access, { apiKey: secret });
      return undefined;
    });
  }

  it('delivers each threshold once, with the budget and the organization’s name from another subgraph', async () => {
    const watcher = watch();
    await untilHearing(watcher);
    await newKey();
    const budget = await newBudget({
      name: 'ten requests',
      metric: 'REQUESTS',
      limit: '10',
      enforcement: 'WARN',
    });
    for (let request = 0; request < 10; request++) {
      expect((await chat(platform.access, { apiKey: secret })).status).toBe(200);
    }
    const own = () => watcher.alerts.filter((alert) => alert.budget.id === budget.id);
    await until('three alerts', () => own().length >= 3 || undefined);
    expect(own().map(({ threshold }) => threshold)).toEqual([50, 80, 100]);
    expect(own()[0]).toMatchObject({ budget: { name: 'ten requests' } });
    expect(own()[0]?.organization?.name).toBeTruthy();
    watcher.stop();
  });

  it('replays with `after` what a disconnected client missed, then goes on live, without gap or repetition', async () => {
    const first = watch();
    await untilHearing(first);
    await newKey();
    const budget = await newBudget({
      name: 'four requests',
      metric: 'REQUESTS',
      limit: '4',
      enforcement: 'NOTIFY',
      thresholds: [25, 50, 75, 100],
    });
    await chat(platform.access, { apiKey: secret });
    const seen = await until('the first alert', () =>
      first.alerts.find((alert) => alert.budget.id === budget.id),
    );
    first.stop();
    await chat(platform.access, { apiKey: secret });
    await chat(platform.access, { apiKey: secret });
    const second = watch(seen.id);
    const own = () => second.alerts.filter((alert) => alert.budget.id === budget.id);
    await until('the missed alerts', () => own().length >= 2 || undefined);
    await chat(platform.access, { apiKey: secret });
    await until('the live alert', () => own().length >= 3 || undefined);
    expect(own().map(({ threshold }) => threshold)).toEqual([50, 75, 100]);
    second.stop();
  });

  it('refuses with 402 under a used-up BLOCK budget and serves the next request after the limit was raised', async () => {
    await newKey();
    const budget = await newBudget({
      name: 'two requests',
      metric: 'REQUESTS',
      limit: '2',
      enforcement: 'BLOCK',
    });
    await until('the budget on the proxy', async () => {
      const { status } = await chat(platform.access, { apiKey: secret });
      return status === 402 || undefined;
    });
    const refused = await chat(platform.access, { apiKey: secret });
    const problem = (await refused.json()) as Record<string, unknown>;
    expect([refused.status, problem['code']]).toEqual([402, 'QUOTA_EXCEEDED']);
    expect(problem['detail']).toMatch(/two requests/);

    const { budgetUpdate } = await session.ask<{ budgetUpdate: { userErrors: unknown[] } }>(
      'mutation ($input: BudgetUpdateInput!) { budgetUpdate(input: $input) { budget { version } userErrors { message } } }',
      { input: { id: budget.id, limit: '100' } },
    );
    expect(budgetUpdate.userErrors).toEqual([]);
    for (const url of platform.access.inferenceUrls) {
      await until('service again', async () => {
        const { status } = await chat(platform.access, { apiKey: secret, url });
        return status === 200 || undefined;
      });
    }
  });

  it('never lets parallel requests spend more than a BLOCK budget of money', async () => {
    await newKey();
    const budget = await newBudget({
      name: 'a little money',
      metric: 'COST',
      limit: '0.001',
      enforcement: 'BLOCK',
    });
    const statuses = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const urls = platform.access.inferenceUrls;
        return chat(platform.access, {
          apiKey: secret,
          url: urls[index % urls.length] ?? '',
          maxTokens: 64,
        }).then(async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        });
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 402]));
    const spent = await until('the spend of all served requests', async () => {
      const { budget: found } = await session.ask<{
        budget: { spent: { value: string }; limit: { value: string } };
      }>('query ($id: ID!) { budget(id: $id) { spent { value } limit { value } } }', { id: budget.id });
      return Number(found.spent.value) > 0 ? found : undefined;
    });
    expect(Number(spent.spent.value)).toBeLessThanOrEqual(Number(spent.limit.value));
  });
});
