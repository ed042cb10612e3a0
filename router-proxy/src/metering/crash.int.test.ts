import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalCounterStore } from '@weir/counters/local/store';
import { createRedisCounterStore } from '@weir/counters/redis/store';
import { testRedisUrl } from '@weir/testkit/redis';
import { aHome, createTestLedger, eventually, soon, type TestLedger } from './test-ledger.ts';
import { createTestMetering } from './test-metering.ts';

const CHILD = fileURLToPath(new URL('test-crash-child.ts', import.meta.url));
const LEASE_MS = 300;

interface Phase {
  readonly name: string;
  readonly phase: 'begun' | 'closed' | 'load';
  readonly flushRows: number;
  readonly flushMs: number;
  /** Whether the amounts of closed attempts are in Postgres before the kill. */
  readonly isFlushed: boolean;
}

const NEVER = 1_000_000;
const PHASES: readonly Phase[] = [
  {
    name: 'after begin, before anything is written',
    phase: 'begun',
    flushRows: NEVER,
    flushMs: NEVER,
    isFlushed: false,
  },
  { name: 'after begin and its intents', phase: 'begun', flushRows: 1, flushMs: 1, isFlushed: true },
  {
    name: 'after close, before it is written',
    phase: 'closed',
    flushRows: NEVER,
    flushMs: NEVER,
    isFlushed: false,
  },
  { name: 'after close and its rows', phase: 'closed', flushRows: 1, flushMs: 1, isFlushed: true },
  { name: 'in the middle of load and flushes', phase: 'load', flushRows: 30, flushMs: 4, isFlushed: false },
];

const url = testRedisUrl();
const modes = url === undefined ? (['local'] as const) : (['local', 'redis'] as const);

describe.each(modes)('a proxy killed in mode %s', (mode) => {
  let test: TestLedger;
  let home: ReturnType<typeof aHome>;
  let prefix: string;

  beforeEach(async () => {
    test = await createTestLedger();
    home = aHome();
    prefix = `test-${crypto.randomUUID()}`;
  });
  afterEach(async () => {
    await test.drop();
    await home.remove();
    await forget();
  });

  /** Takes everything away that the shared store knows. */
  async function forget(): Promise<void> {
    if (mode === 'local' || url === undefined) return;
    const redis = new Redis(url);
    const keys = await redis.keys(`${prefix}:*`);
    if (keys.length > 0) await redis.unlink(...keys);
    await redis.quit();
  }

  /** Runs a proxy to the phase, kills it, and tells what it had begun and closed. */
  async function kill(
    plan: Phase,
  ): Promise<{ readonly begun: readonly string[]; readonly closed: readonly string[] }> {
    const child = spawn(
      process.execPath,
      [
        CHILD,
        JSON.stringify({
          ...plan,
          url: test.url,
          home: home.path,
          redis: mode === 'redis' && url !== undefined ? { url, prefix } : null,
          owner: test.owner,
          leaseMs: LEASE_MS,
        }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const begun: string[] = [];
    const closed: string[] = [];
    const lines = createInterface({ input: child.stdout });
    const ended = Promise.all([once(lines, 'close'), once(child, 'exit')]);
    let isReady = false;
    lines.on('line', (line) => {
      const [what, id = ''] = line.split(' ');
      if (what === 'begun') begun.push(id);
      if (what === 'closed') closed.push(id);
      if (what === 'ready' || closed.length > 400) isReady = true;
    });
    await eventually(() => isReady, 20_000);
    if (plan.isFlushed) {
      await eventually(async () => {
        const rows = await test.rows();
        const attempts = new Set(rows.map((row) => row.attempt_id));
        const closes = rows.filter((row) => row.class === 'close');
        return attempts.size === begun.length && closes.length === closed.length;
      });
    }
    child.kill('SIGKILL');
    await ended;
    return { begun, closed };
  }

  it.each(PHASES)(
    '$name leaves every attempt with exactly one close, and what was closed with what it cost',
    async (plan) => {
      const { begun, closed } = await kill(plan);
      expect(begun.length).toBeGreaterThanOrEqual(20);
      await restart(() => expectOneCloseEach(begun, closed));
    },
  );

  it.each(PHASES)(
    '$name, with what its store knew gone too, leaves every attempt with exactly one close, and what was closed with what it cost',
    async (plan) => {
      const { begun, closed } = await kill(plan);
      await forget();
      await restart(() => expectOneCloseEach(begun, closed));
    },
  );

  /** The proxy comes back on its folder. */
  async function restart(expectations: () => Promise<void>): Promise<void> {
    const store =
      mode === 'redis' && url !== undefined
        ? createRedisCounterStore({ url, prefix })
        : createLocalCounterStore({ clock: { now: () => Date.now() } });
    const next = createTestMetering({
      store,
      mode,
      pool: test.pool,
      home: home.path,
      settings: { leaseMs: LEASE_MS },
    });
    try {
      await next.start();
      await expectations();
    } finally {
      await next.stop(soon());
      await store.close();
    }
  }

  async function expectOneCloseEach(begun: readonly string[], closed: readonly string[]): Promise<void> {
    const rowsOf = async (kind: string) =>
      (await test.rows()).filter((row) => row.class === kind).map((row) => row.attempt_id);
    const isComplete = async (): Promise<boolean> => {
      const closes = new Set<string>(await rowsOf('close'));
      const intents = await rowsOf('intent');
      return [...begun, ...intents].every((id) => closes.has(id));
    };
    if (mode === 'local') expect(await isComplete()).toBe(true);
    await eventually(isComplete);
    for (const kind of ['intent', 'close']) {
      const ids = await rowsOf(kind);
      expect(new Set(ids).size).toBe(ids.length);
    }
    const settled: readonly string[] = (await test.rows())
      .filter((row) => row.kind === 'settled')
      .map((row) => row.attempt_id);
    // What was closed is settled with what it cost, not with its hold.
    expect(closed.filter((id) => !settled.includes(id))).toEqual([]);
    expect((await test.rows()).filter((row) => row.kind === 'adjusted')).toEqual([]);
  }
});
