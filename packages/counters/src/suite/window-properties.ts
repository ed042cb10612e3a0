import fc from 'fast-check';
import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdmitRequest, WindowLimit } from '../contract.ts';
import { admit, DAY_MS, NOON, requestFor, settle, type CreateRig, type Rig } from './rig.ts';

interface Limits {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly tokensPerMinute: number;
  readonly tokensPerHour: number;
}

interface Step {
  readonly waitMs: number;
  readonly do: 'ask' | 'settle' | 'askAfterWaiting';
  readonly tokens: number;
}

interface Admission {
  readonly request: AdmitRequest;
  readonly atMs: number;
  tokens: number | undefined;
}

const LENGTHS = { minute: 60_000, hour: 3_600_000, day: DAY_MS } as const;

const anyLimits = fc.record<Limits>({
  minute: fc.integer({ min: 1, max: 6 }),
  hour: fc.integer({ min: 1, max: 20 }),
  day: fc.integer({ min: 1, max: 60 }),
  tokensPerMinute: fc.integer({ min: 1, max: 60 }),
  tokensPerHour: fc.integer({ min: 1, max: 300 }),
});

/** Waits of all sizes, because the interesting instants are the ends of cells. */
const anyWait = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 5 }) },
  { weight: 5, arbitrary: fc.nat({ max: 70_000 }) },
  { weight: 1, arbitrary: fc.nat({ max: 4_000_000 }) },
);

const anyStep = fc.record<Step>({
  waitMs: anyWait,
  do: fc.constantFrom('ask', 'ask', 'ask', 'settle', 'settle', 'askAfterWaiting'),
  tokens: fc.nat({ max: 40 }),
});

function windowsOf(limits: Limits): WindowLimit[] {
  const subject = 'key:a';
  return [
    { subject, metric: 'requests', window: 'minute', limit: limits.minute },
    { subject: 'org:o', metric: 'requests', window: 'hour', limit: limits.hour },
    { subject, metric: 'requests', window: 'day', limit: limits.day },
    { subject, metric: 'tokens', window: 'minute', limit: limits.tokensPerMinute },
    // Of a subject of which nothing but tokens is limited.
    { subject: 'acc:t', metric: 'tokens', window: 'hour', limit: limits.tokensPerHour },
  ];
}

/** What the guarantee says, from the whole history, without cells that roll. */
function fitsHistory(window: WindowLimit, history: readonly Admission[], nowMs: number): boolean {
  const length = LENGTHS[window.window];
  const cell = Math.floor(nowMs / length);
  let [current, previous] = [0, 0];
  for (const { atMs, tokens } of history) {
    const amount = window.metric === 'requests' ? 1 : (tokens ?? 0);
    const admittedIn = Math.floor(atMs / length);
    if (admittedIn === cell) current += amount;
    if (admittedIn === cell - 1 && window.window !== 'day') previous += amount;
  }
  const used = current * length + previous * (length - (nowMs % length));
  return window.metric === 'requests' ? used + length <= window.limit * length : used < window.limit * length;
}

function checkCells(limits: Limits, history: readonly Admission[]): void {
  for (const name of ['minute', 'hour', 'day'] as const) {
    const cells = new Map<number, number>();
    for (const { atMs } of history) {
      const cell = Math.floor(atMs / LENGTHS[name]);
      cells.set(cell, (cells.get(cell) ?? 0) + 1);
    }
    for (const count of cells.values()) expect(count).toBeLessThanOrEqual(limits[name]);
  }
}

/** @param runs How many histories are played. */
export function describeWindowProperties(createRig: CreateRig, runs: number): void {
  describe('for any history of requests and settlements', () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await createRig();
    });
    afterAll(() => rig.close());

    /** Plays one history and checks every answer on the way. */
    const play = async (limits: Limits, steps: readonly Step[], cooldownMs: number): Promise<Admission[]> => {
      rig.clock.nowMs = NOON;
      const organizationId = newUuid();
      const windows = windowsOf(limits);
      const history: Admission[] = [];
      const ask = async () => {
        const request = requestFor(rig, organizationId, { windows, cooldownMs });
        const result = await admit(rig, request);
        if (result.kind === 'admitted') history.push({ request, atMs: rig.clock.nowMs, tokens: undefined });
        return result;
      };
      for (const step of steps) {
        rig.clock.nowMs += step.waitMs;
        const open = history.find(({ tokens }) => tokens === undefined);
        if (step.do === 'settle' && open !== undefined) {
          open.tokens = step.tokens;
          await settle(rig, open.request, 0n, step.tokens);
        }
        if (step.do === 'settle') continue;
        const expected = windows.every((window) => fitsHistory(window, history, rig.clock.nowMs));
        const result = await ask();
        if (cooldownMs === 0) expect(result.kind).toBe(expected ? 'admitted' : 'denied');
        if (result.kind !== 'denied' || result.reason === 'concurrency' || result.reason === 'holding')
          continue;
        const freeAtMs = rig.clock.nowMs + result.retryAfterMs;
        if (cooldownMs === 0) {
          const freeAt = (atMs: number) => windows.every((window) => fitsHistory(window, history, atMs));
          expect([freeAt(freeAtMs - 1), freeAt(freeAtMs)]).toEqual([false, true]);
        }
        if (step.do !== 'askAfterWaiting') continue;
        rig.clock.nowMs = freeAtMs;
        expect(await ask()).toMatchObject({ kind: 'admitted' });
      }
      return history;
    };

    const histories = [anyLimits, fc.array(anyStep, { maxLength: 40, size: 'max' })] as const;

    it('admits exactly what its windows allow, tells the exact wait, and never exceeds a limit in a cell', async () => {
      const property = fc.asyncProperty(...histories, async (limits, steps) => {
        checkCells(limits, await play(limits, steps, 0));
      });
      await fc.assert(property, { numRuns: runs });
    });

    it('admits an idle caller who waited as long as it was told, cooldowns included', async () => {
      const property = fc.asyncProperty(
        ...histories,
        fc.integer({ min: 1, max: 120_000 }),
        async (limits, steps, cooldownMs) => {
          checkCells(limits, await play(limits, steps, cooldownMs));
        },
      );
      await fc.assert(property, { numRuns: runs });
    });
  });
}
