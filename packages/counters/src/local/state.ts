import type { Uuid } from '@weir/kernel/ids';
import { RenewedMap } from '@weir/kernel/renewed-map';
import type { Holding, WindowLimit } from '../contract.ts';
import type { Grace } from '../grace.ts';
import type { Ended } from './ended.ts';
import { SLOT_COUNT } from '../window-math.ts';
import { newSlot, type Slot } from './slot.ts';

/** Windows and concurrency of one subject. */
export interface Subject {
  /** By the position of `window-math`. */
  readonly slots: (Slot | undefined)[];
  /** Attempts that may occupy a concurrency slot; those with an expired lease do not. */
  readonly leases: RenewedMap<Uuid, Attempt>;
  lastUsedMs: number;
}

/** What an attempt that ended while its counter was unseeded has used. */
export interface Unplaced {
  readonly amount: number;
  readonly atMs: number;
}

/** One balance. Held amounts are kept per attempt as well, so that each is given back exactly once. */
export interface Counter {
  seeded: boolean;
  committed: number;
  held: number;
  /** What was committed and held when it was seeded, and what became known later of before that. */
  inherited: number;
  grace: Grace | undefined;
  readonly holds: RenewedMap<Uuid, number>;
  readonly unplaced: Map<Uuid, Unplaced>;
  /** Attempts that the seed counted already; a late re-assertion of one of them must not hold again. */
  closed: ReadonlySet<Uuid> | undefined;
  closedUntilMs: number;
  /** Of the last attempt that was charged on it; nearly always the next one's as well. */
  charge: Charge | undefined;
  lastUsedMs: number;
}

/** That an attempt counts on a balance, and in which unit. Thousands of attempts share one. */
export interface Charge {
  readonly counter: Counter;
  readonly metric: Holding['metric'];
}

export interface Attempt {
  readonly id: Uuid;
  readonly organization: Organization;
  /**
   * live: admitted or re-asserted; thin: known only from a seed, which tells neither windows nor slots; settled;
   * withdrawn: settled before the store ever knew it, so there is nothing to give back.
   */
  state: 'live' | 'thin' | 'settled' | 'withdrawn';
  atMs: number;
  leaseUntilMs: number;
  outputCap: number | null;
  graceUntilMs: number | null;
  evidence: string;
  /** Where its tokens are counted. Attempts of the same windows share one list, because thousands of them are remembered. */
  tokenSlots: readonly Slot[];
  occupied: readonly Subject[];
  charges: Charge[];
  cost: number;
  tokens: number;
  requests: 0 | 1;
  endedAtMs: number;
}

export interface Organization {
  readonly id: Uuid;
  readonly epoch: string;
  readonly openedAtMs: number;
  readonly subjects: Map<string, Subject>;
  readonly counters: Map<string, Counter>;
  /** By the list of windows of an admission. Forgotten when a subject is dropped. */
  resolved: WeakMap<readonly WindowLimit[], ResolvedWindows>;
  lastUsedMs: number;
}

/** Where a list of windows is counted. */
export interface ResolvedWindows {
  /** In the order of the list. */
  readonly slots: readonly Slot[];
  readonly ofRequests: readonly Slot[];
  readonly ofTokens: readonly Slot[];
  /** Each of them once. */
  readonly subjects: readonly Subject[];
}

export interface LocalState {
  readonly organizations: Map<Uuid, Organization>;
  /** Attempts that are not settled. */
  readonly live: RenewedMap<Uuid, Attempt>;
  /** Settled and withdrawn attempts. */
  readonly ended: Ended;
  /** Settled attempts whose evidence is still needed. */
  readonly unconcluded: RenewedMap<Uuid, Attempt>;
  readonly seedQuarantineMs: number;
  /** What was looked up last, window by window; one list for all, because nothing here ever yields. */
  readonly slots: (Slot | undefined)[];
  /** Number of that look-up. */
  lookups: number;
}

/** Opens an epoch where there is none: everything older than it is unknown until it is seeded. */
export function organizationOf(state: LocalState, id: Uuid, nowMs: number): Organization {
  let organization = state.organizations.get(id);
  if (organization === undefined) {
    organization = {
      id,
      epoch: crypto.randomUUID(),
      openedAtMs: nowMs,
      subjects: new Map(),
      counters: new Map(),
      resolved: new WeakMap(),
      lastUsedMs: nowMs,
    };
    state.organizations.set(id, organization);
  }
  return organization;
}

export function subjectOf(organization: Organization, name: string, nowMs: number): Subject {
  let subject = organization.subjects.get(name);
  if (subject === undefined) {
    subject = {
      slots: new Array<Slot | undefined>(SLOT_COUNT).fill(undefined),
      leases: new RenewedMap(),
      lastUsedMs: nowMs,
    };
    organization.subjects.set(name, subject);
  }
  subject.lastUsedMs = nowMs;
  return subject;
}

export function slotOfSubject(subject: Subject, position: number): Slot {
  let slot = subject.slots[position];
  if (slot === undefined) {
    slot = newSlot(position);
    subject.slots[position] = slot;
  }
  return slot;
}

export function counterOf(organization: Organization, name: string, nowMs: number): Counter {
  let counter = organization.counters.get(name);
  if (counter === undefined) {
    counter = {
      seeded: false,
      committed: 0,
      held: 0,
      inherited: 0,
      grace: undefined,
      holds: new RenewedMap(),
      unplaced: new Map(),
      closed: undefined,
      closedUntilMs: 0,
      charge: undefined,
      lastUsedMs: nowMs,
    };
    organization.counters.set(name, counter);
  }
  counter.lastUsedMs = nowMs;
  return counter;
}

export function newAttempt(
  id: Uuid,
  organization: Organization,
  state: Attempt['state'],
  atMs: number,
): Attempt {
  return {
    id,
    organization,
    state,
    atMs,
    leaseUntilMs: 0,
    outputCap: null,
    graceUntilMs: null,
    evidence: '',
    tokenSlots: [],
    occupied: [],
    charges: [],
    cost: 0,
    tokens: 0,
    requests: 0,
    endedAtMs: 0,
  };
}

export function findAttempt(state: LocalState, id: Uuid): Attempt | undefined {
  return state.live.get(id) ?? state.ended.get(id);
}

export function chargeOn(counter: Counter, metric: Holding['metric']): Charge {
  if (counter.charge?.metric !== metric) counter.charge = { counter, metric };
  return counter.charge;
}

/** Holds an amount for an attempt once; asking again changes nothing and answers false. */
export function hold(counter: Counter, id: Uuid, amount: number): boolean {
  if (counter.holds.has(id)) return false;
  counter.holds.set(id, amount);
  counter.held += amount;
  return true;
}

/** Gives a hold back; undefined where there is none. */
export function release(counter: Counter, id: Uuid): number | undefined {
  const amount = counter.holds.get(id);
  if (amount === undefined) return undefined;
  counter.holds.delete(id);
  counter.held -= amount;
  return amount;
}
