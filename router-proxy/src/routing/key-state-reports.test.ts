import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeploymentState } from '@weir/counters/deployments/contract';
import { newUuid } from '@weir/kernel/ids';
import { createLogger } from '@weir/service/logger';
import { createKeyStateReports } from './key-state-reports.ts';
import type { KeyStateRow } from './provider-key-store.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const keyId = newUuid();

function rig() {
  const statements: (readonly KeyStateRow[])[] = [];
  const postgres = { isAway: false };
  const states = new Map<string, DeploymentState>();
  const reports = createKeyStateReports({
    store: {
      disable: () => Promise.reject(new Error('not asked here')),
      report(rows) {
        if (postgres.isAway) return Promise.reject(new Error('away'));
        statements.push(rows);
        return Promise.resolve();
      },
    },
    stateOf: (deployment) => states.get(deployment) ?? { kind: 'awake' },
    log,
  });
  const change = (model: string, state: DeploymentState): void => {
    states.set(`${keyId}:3|${model}`, state);
    reports.changed(`${keyId}:3|${model}`);
  };
  return { reports, change, statements, postgres };
}

const asleep = (failures: number): DeploymentState => ({
  kind: 'sleeping',
  reason: 'broken',
  failures,
  untilMs: 7,
});
const base = { providerKeyId: keyId, secretVersion: 3 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('reports of key states', () => {
  it('are one statement a second, with the state that each deployment has by then', async () => {
    const { change, statements } = rig();
    change('m', asleep(1));
    change('m', asleep(2));
    change('n', asleep(1));
    change('n', { kind: 'awake' });
    change('o|with a bar', { kind: 'probing', reason: 'quota', failures: 4, untilMs: 9 });
    await vi.advanceTimersByTimeAsync(999);
    expect(statements).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(statements).toEqual([
      [
        { ...base, model: 'm', state: 'SLEEPING', untilMs: 7, reason: 'broken', failures: 2 },
        { ...base, model: 'n', state: 'AWAKE', untilMs: null, reason: null, failures: 0 },
        { ...base, model: 'o|with a bar', state: 'PROBING', untilMs: 9, reason: 'quota', failures: 4 },
      ],
    ]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(statements).toHaveLength(1);
  });

  it('wait for Postgres, and are written at last when the proxy stops', async () => {
    const { reports, change, statements, postgres } = rig();
    postgres.isAway = true;
    change('m', asleep(1));
    await vi.advanceTimersByTimeAsync(3_000);
    postgres.isAway = false;
    await reports.stop();
    expect(statements).toHaveLength(1);
  });

  it('are bounded per statement, and in how many may wait', async () => {
    const { change, statements } = rig();
    for (let index = 0; index < 12_000; index++) change(`m${index}`, asleep(1));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Math.max(...statements.map((rows) => rows.length))).toBe(500);
    expect(statements.reduce((sum, rows) => sum + rows.length, 0)).toBe(10_000);
  });
});
