import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDemoProvider, type DemoProvider } from '@weir/demo-provider/demo-provider';
import type { ServedRecord } from '@weir/demo-provider/served';
import { signIn } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { readLedger, type LedgerAttempt } from './src/ledger.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const PROVIDER_KEY = 'sk-demo-crash';
/** Used up after some 150 requests of the load. */
const LIMIT_USD = '0.004';
const WORKERS = 12;
const KILLS = 2;

/** Which process dies, and how its command line is known. */
const VICTIMS = [
  ['the proxy', 'router-proxy/src/main.ts'],
  ['the control side', 'control-main.ts'],
  ['PostgreSQL', 'bin/postgres -D'],
] as const;

describe('kill -9 under load', () => {
  let provider: DemoProvider;
  let platform: Platform;
  beforeAll(async () => {
    provider = await startDemoProvider({ apiKeys: [PROVIDER_KEY] });
    platform = await startPlatform('embedded', {
      environment: { DEMO_PROVIDER_URL: provider.url, DEMO_PROVIDER_API_KEY: PROVIDER_KEY },
    });
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
    await provider.stop();
  });

  /** A key with a BLOCK budget of money that the load will use up. */
  async function newKeyWithBudget(): Promise<{ secret: string; budgetId: string }> {
    const session = await until('a sign-in', () => signIn(platform.access).catch(() => undefined), 60_000);
    const { apiKeyCreate } = await session.ask<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
      `mutation ($id: ID!, $name: String!) { apiKeyCreate(input: { organizationId: $id, name: $name, scopes: ["inference:write"] }) {
        secret apiKey { id } userErrors { message } } }`,
      { id: platform.access.organizationId, name: crypto.randomUUID() },
    );
    const { budgetCreate } = await session.ask<{ budgetCreate: { budget: { id: string } } }>(
      'mutation ($input: BudgetCreateInput!) { budgetCreate(input: $input) { budget { id } userErrors { message } } }',
      {
        input: {
          organizationId: platform.access.organizationId,
          apiKeyId: apiKeyCreate.apiKey.id,
          name: 'less than a cent',
          metric: 'COST',
          limit: LIMIT_USD,
          period: 'TOTAL',
          enforcement: 'BLOCK',
        },
      },
    );
    return { secret: apiKeyCreate.secret, budgetId: budgetCreate.budget.id };
  }

  /** Sends until told to stop, streamed and not; what fails while a process is away is tried again by the next turn. */
  async function worker(
    number: number,
    apiKey: string,
    signal: AbortSignal,
    statuses: Set<number>,
  ): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      try {
        const answer = await chat(platform.access, {
          apiKey,
          prompt: `Worker ${number}, turn ${turn} #tokens=40 #delay=2`,
          stream: turn % 2 === 0,
          maxTokens: 64,
        });
        await answer.arrayBuffer();
        statuses.add(answer.status);
        if (answer.status !== 200) await pause(20);
      } catch {
        await pause(20);
      }
    }
  }

  it.each(VICTIMS)(
    'of %s loses no attempt, counts none twice, and overspends no BLOCK budget',
    async (_name, command) => {
      const { secret, budgetId } = await newKeyWithBudget();
      const known = new Set((await readLedger(platform.databaseUrl)).map(({ attemptId }) => attemptId));
      const servedBefore = provider.requests();
      const stop = new AbortController();
      const statuses = new Set<number>();
      const load = Promise.all(
        Array.from({ length: WORKERS }, (_, number) => worker(number, secret, stop.signal, statuses)),
      );

      for (let kill = 1; kill <= KILLS; kill++) {
        await until(
          'load on the provider',
          () => provider.requests() > servedBefore + 40 * kill || undefined,
        );
        const victims = platform.processes(command);
        expect(victims.length).toBeGreaterThan(0);
        for (const { pid } of victims) process.kill(pid, 'SIGKILL');
        await until('the process coming back', () => {
          const dead = new Set(victims.map(({ pid }) => pid));
          return platform.processes(command).some(({ pid }) => !dead.has(pid)) || undefined;
        });
      }
      await until('service after the kills', async () => {
        const answer = await chat(platform.access).catch(() => undefined);
        await answer?.arrayBuffer();
        return answer?.status === 200 || undefined;
      });
      await until('the budget to be used up', () => statuses.has(402) || undefined, 60_000);
      stop.abort();
      await load;

      const served = provider.served().records.filter(({ number }) => number > servedBefore);
      const deadlineMs = performance.now() + 90_000;
      const attempts = await until(
        'the ledger',
        async () => {
          const found = await readLedger(platform.databaseUrl).catch(() => undefined);
          const fresh = found?.filter(({ attemptId }) => !known.has(attemptId)) ?? [];
          // What waits for PostgreSQL in the proxy's memory or on its disk has no row yet.
          const isComplete = fresh.every(({ closes }) => closes === 1) && lostOf(served, fresh).length === 0;
          return isComplete || performance.now() > deadlineMs ? fresh : undefined;
        },
        120_000,
      );
      expectNothingLost(served, attempts);
      // What was answered whole is settled: only what ran when a process died may be charged with its hold.
      const held = attempts.filter(({ source }) => source === 'HOLD');
      expect(held.length).toBeLessThanOrEqual(KILLS * WORKERS);

      const session = await until('a sign-in', () => signIn(platform.access).catch(() => undefined), 60_000);
      const spent = await until(
        'the projection to catch up',
        async () => {
          const { budget } = await session.ask<{ budget: { spent: { value: string } } }>(
            'query ($id: ID!) { budget(id: $id) { spent { value } } }',
            { id: budgetId },
          );
          return Number(budget.spent.value) > 0 ? budget.spent.value : undefined;
        },
        30_000,
      );
      expect(Number(spent)).toBeLessThanOrEqual(Number(LIMIT_USD));
    },
    240_000,
  );
});

/** Attempts of the provider's own book that the ledger does not have: the proxy sends each attempt's id along. */
function lostOf(served: readonly ServedRecord[], attempts: readonly LedgerAttempt[]): ServedRecord[] {
  const ids = new Set(attempts.map(({ attemptId }) => attemptId));
  return served.filter(({ requestId }) => requestId !== null && !ids.has(requestId));
}

/** Compares the ledger with the provider's own book, attempt by attempt. */
function expectNothingLost(served: readonly ServedRecord[], attempts: readonly LedgerAttempt[]): void {
  const byId = new Map(attempts.map((attempt) => [attempt.attemptId, attempt]));
  expect(lostOf(served, attempts)).toEqual([]);
  expect(attempts.filter(({ closes }) => closes !== 1)).toEqual([]);
  for (const { requestId, billed, outcome } of served) {
    const attempt = byId.get(requestId ?? '');
    const providerTokens = billed.prompt + billed.completion;
    // A crash may leave a provisional close, which charges the bound; never less than the provider does.
    expect(attempt?.tokens ?? 0).toBeGreaterThanOrEqual(outcome === 'answered' ? providerTokens : 0);
    if (outcome === 'answered' && attempt?.kinds.join() === 'settled') {
      expect(attempt.tokens).toBe(providerTokens);
    }
  }
}
