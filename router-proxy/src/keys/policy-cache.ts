import type { PolicySnapshot } from '@weir/contracts/policy-snapshot';
import type { Signal } from '@weir/contracts/signals';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { compilePolicy, type Policy } from './policy.ts';
import type { SnapshotStore } from './snapshot-store.ts';

export interface PolicyCacheOptions {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  /** Whether changes are being heard of. While they are not, no snapshot older than `unheardMaxMs` is trusted. */
  readonly isListening: () => boolean;
  readonly unheardMaxMs: number;
  /** How long an unknown key is remembered as unknown. Any change of a policy forgets all of them. */
  readonly unknownMs: number;
  readonly entriesMax: number;
  /** After the policies of an organization (null: of all) may have changed. */
  readonly onChanged: (organizationId: string | null) => void;
}

export interface PolicyCache {
  /** The policy where it is in process and to be trusted. */
  kept(keyHash: string): Policy | undefined;
  /** Null for an unknown key. A promise only where Postgres has to be asked. @throws AppError DEPENDENCY_UNAVAILABLE */
  get(keyHash: string): Policy | null | Promise<Policy | null>;
  onSignal(signal: Signal<'policy'>): void;
  /** Drops what changed unheard. Run it after every connection, before its signals count. */
  catchUp(): Promise<void>;
  readonly size: number;
  /** Since the start. */
  readonly loads: number;
}

interface Entry {
  readonly policy: Policy;
  readonly loadedAtMs: number;
}

/** Loads that wait for Postgres at once; a flood of made-up keys gets 503 instead of filling the memory. */
const LOADING_MAX = 1_000;
/** Organizations whose last signal is remembered; beyond it all count as changed just now. */
const CHANGES_MAX = 10_000;

/**
 * Policies by key hash. An entry leaves when its organization changes, or when it is the oldest of too many.
 *
 * A load that was under way while a signal came may have read the state before it. Its answer goes to those who asked
 * before the signal and to nobody else: it is not kept, and later requests start a load of their own.
 */
export function createPolicyCache(options: PolicyCacheOptions): PolicyCache {
  const { store, clock } = options;
  const entries = new Map<string, Entry>();
  const hashesOf = new Map<string, Set<string>>();
  const unknownUntilMs = new Map<string, number>();
  const loading = new Map<string, Promise<Policy | null>>();
  const changedAt = new Map<string, number>();
  let changes = 0;
  let allChangedAt = 0;
  let loads = 0;

  function drop(keyHash: string): void {
    const entry = entries.get(keyHash);
    if (!entry) return;
    entries.delete(keyHash);
    const { id } = entry.policy.snapshot.organization;
    const hashes = hashesOf.get(id);
    hashes?.delete(keyHash);
    if (hashes?.size === 0) hashesOf.delete(id);
  }

  function keep(policy: Policy, loadedAtMs: number): void {
    const { keyHash, snapshot } = policy;
    drop(keyHash);
    evictOldest(entries, options.entriesMax, drop);
    entries.set(keyHash, { policy, loadedAtMs });
    const hashes = hashesOf.get(snapshot.organization.id);
    if (hashes) hashes.add(keyHash);
    else hashesOf.set(snapshot.organization.id, new Set([keyHash]));
  }

  function markChanged(organizationId: string | null): void {
    changes++;
    loading.clear();
    unknownUntilMs.clear();
    if (organizationId === null || changedAt.size >= CHANGES_MAX) {
      allChangedAt = changes;
      changedAt.clear();
    } else {
      changedAt.set(organizationId, changes);
    }
  }

  function invalidate(organizationId: string | null): void {
    markChanged(organizationId);
    if (organizationId === null) {
      entries.clear();
      hashesOf.clear();
    } else {
      for (const keyHash of hashesOf.get(organizationId) ?? []) entries.delete(keyHash);
      hashesOf.delete(organizationId);
    }
    options.onChanged(organizationId);
  }

  async function load(keyHash: string): Promise<Policy | null> {
    const startedAt = changes;
    const startedMs = clock.now();
    loads++;
    const snapshot = await readSnapshot(store, keyHash);
    if (!snapshot) {
      if (changes === startedAt) {
        evictOldest(unknownUntilMs, options.entriesMax, (hash) => unknownUntilMs.delete(hash));
        unknownUntilMs.set(keyHash, clock.now() + options.unknownMs);
      }
      return null;
    }
    const policy = compilePolicy(snapshot, keyHash);
    const changed = Math.max(changedAt.get(snapshot.organization.id) ?? 0, allChangedAt);
    if (changed <= startedAt) keep(policy, startedMs);
    return policy;
  }

  function loadOnce(keyHash: string): Promise<Policy | null> {
    const under = loading.get(keyHash);
    if (under) return under;
    if (loading.size >= LOADING_MAX) return Promise.reject(unavailable('too many keys are being looked up'));
    const started = load(keyHash).finally(() => {
      if (loading.get(keyHash) === started) loading.delete(keyHash);
    });
    loading.set(keyHash, started);
    return started;
  }

  function kept(keyHash: string): Policy | undefined {
    const entry = entries.get(keyHash);
    if (!entry) return undefined;
    const isTrusted = options.isListening() || clock.now() - entry.loadedAtMs <= options.unheardMaxMs;
    return isTrusted ? entry.policy : undefined;
  }

  return {
    kept,
    get(keyHash) {
      const policy = kept(keyHash);
      if (policy) return policy;
      const unknownUntil = unknownUntilMs.get(keyHash);
      if (unknownUntil !== undefined && clock.now() < unknownUntil) return null;
      return loadOnce(keyHash);
    },
    onSignal({ organizationId }) {
      invalidate(organizationId);
    },
    async catchUp() {
      // Loads that started before this connection may have read what was changed unheard since.
      markChanged(null);
      const known = [...hashesOf.keys()];
      if (known.length === 0) return;
      const epochs = await store.epochs(known);
      for (const organizationId of known) {
        const epoch = epochs.get(organizationId);
        const isCurrent = [...(hashesOf.get(organizationId) ?? [])].every(
          (keyHash) => entries.get(keyHash)?.policy.snapshot.epoch === epoch,
        );
        if (!isCurrent) invalidate(organizationId);
      }
    },
    get size() {
      return entries.size;
    },
    get loads() {
      return loads;
    },
  };
}

function evictOldest<V>(map: ReadonlyMap<string, V>, max: number, evict: (key: string) => void): void {
  if (map.size < max) return;
  const { value: oldest, done } = map.keys().next();
  if (done !== true) evict(oldest);
}

async function readSnapshot(store: SnapshotStore, keyHash: string): Promise<PolicySnapshot | null> {
  try {
    return await store.snapshot(keyHash);
  } catch (cause) {
    throw unavailable('the policy of the API key cannot be read', cause);
  }
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'The API key cannot be checked right now. Try again shortly.',
    {
      message,
      cause,
      retryAfterSeconds: 1,
    },
  );
}
