import { newUuid, type Uuid } from '@weir/kernel/ids';
import type {
  AdmitRequest,
  AdmitResult,
  CounterStore,
  Holding,
  HoldingSeed,
  WindowLimit,
  WindowSeed,
} from '../contract.ts';

/** One store under test, with a clock in the test's hand. */
export interface Rig {
  readonly store: CounterStore;
  readonly clock: { nowMs: number };
  /** Loses everything, as a flushed or restarted store does. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly seedQuarantineMs?: number;
}

export type CreateRig = (options?: RigOptions) => Promise<Rig>;

export const DAY_MS = 86_400_000;
/** Noon of a day, at the start of a minute and an hour. */
export const NOON = Date.UTC(2026, 0, 15, 12);

export function dayOf(nowMs: number): { startMs: number; endMs: number } {
  const startMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return { startMs, endMs: startMs + DAY_MS };
}

/** A request of one organization that nothing limits; tests give what they are about. */
export function requestFor(rig: Rig, organizationId: Uuid, given: Partial<AdmitRequest> = {}): AdmitRequest {
  const day = given.day ?? dayOf(rig.clock.nowMs);
  return {
    organizationId,
    attemptId: newUuid(rig.clock.nowMs),
    windows: [],
    concurrency: [],
    holdings: [],
    day,
    validWithin: day,
    outputCap: 100,
    outputCapMin: 1,
    leaseMs: 60_000,
    cooldownMs: 0,
    evidence: '',
    ...given,
  };
}

export function perMinute(subject: string, limit: number): WindowLimit {
  return { subject, metric: 'requests', window: 'minute', limit };
}

export function tokensPerMinute(subject: string, limit: number): WindowLimit {
  return { subject, metric: 'tokens', window: 'minute', limit };
}

export function costHolding(counter: string, limit: bigint, perOutputToken = 1n, fixed = 0n): Holding {
  return { counter, metric: 'COST', limit, fixed, perOutputToken };
}

/** What the ledger says when a counter is asked for; everything is 0 unless a test says otherwise. */
export interface Ledger {
  window?(window: WindowLimit): Omit<WindowSeed, 'window'>;
  holding?(counter: string, missing: Unseeded): Partial<Omit<HoldingSeed, 'counter' | 'metric'>>;
}

type Unseeded = Extract<AdmitResult, { kind: 'unseeded' }>;

export async function seedFor(
  rig: Rig,
  request: AdmitRequest,
  missing: Unseeded,
  ledger: Ledger = {},
): Promise<void> {
  rig.clock.nowMs += missing.opensInMs;
  await rig.store.seed({
    organizationId: request.organizationId,
    epoch: missing.epoch,
    day: request.day,
    windows: missing.windows.map((window) => ({
      window,
      current: 0,
      previous: 0,
      ...ledger.window?.(window),
    })),
    holdings: missing.holdings.map((counter) => ({
      counter,
      metric: request.holdings.find((holding) => holding.counter === counter)?.metric ?? 'COST',
      committed: 0n,
      open: [],
      ...ledger.holding?.(counter, missing),
    })),
    leaseMs: request.leaseMs,
    asOfMs: missing.nowMs,
  });
}

/** Asks for admission, seeding what is missing, as a proxy does. */
export async function admit(rig: Rig, request: AdmitRequest, ledger: Ledger = {}): Promise<AdmitResult> {
  let result = await rig.store.admit(request);
  for (let round = 0; round < 3 && result.kind === 'unseeded'; round++) {
    await seedFor(rig, request, result, ledger);
    result = await rig.store.admit(request);
  }
  return result;
}

export async function settle(rig: Rig, request: AdmitRequest, cost: bigint, tokens = 0): Promise<void> {
  const { organizationId, attemptId } = request;
  await rig.store.settle({ organizationId, attemptId, cost, tokens, requests: 1 });
}

/** Reads a balance by asking for more than a limit of 0 allows. */
export async function balanceOf(
  rig: Rig,
  organizationId: Uuid,
  counter: string,
  ledger: Ledger = {},
): Promise<{ committed: bigint; held: bigint }> {
  const probe = requestFor(rig, organizationId, {
    holdings: [{ counter, metric: 'COST', limit: -1n, fixed: 0n, perOutputToken: 0n }],
  });
  const result = await admit(rig, probe, ledger);
  if (result.kind !== 'denied' || result.reason !== 'holding')
    throw new Error(`no balance but ${result.kind}`);
  return { committed: result.committed, held: result.held };
}

/** How many requests in a row are admitted, at most `upTo`. */
export async function countAdmitted(rig: Rig, build: () => AdmitRequest, upTo: number): Promise<number> {
  for (let count = 0; count < upTo; count++) {
    const result = await admit(rig, build());
    if (result.kind !== 'admitted') return count;
  }
  return upTo;
}
