import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import type { ProviderKeyStore } from './provider-key-store.ts';

/**
 * Provider keys that are not to be asked, whatever the model: a provider refused the secret, or it is unusable here.
 *
 * A refused key is left out here at once and disabled in Postgres, which makes every proxy drop it. Policies that were
 * read before that are told by their epoch: one that still lists the key afterwards lists it because a person put it
 * back.
 */
export interface RefusedKeys {
  readonly isEmpty: boolean;
  has(key: SnapshotProviderKey, policyEpoch: bigint): boolean;
  refuse(refusal: Refusal): void;
  /** It cannot be shown to its provider. That may be this proxy's fault, so nobody else is told; a new policy is tried. */
  unusable(key: SnapshotProviderKey, policyEpoch: bigint): void;
  /** What has not reached Postgres yet stays with this process. */
  stop(): void;
}

export interface Refusal {
  readonly organizationId: Uuid;
  readonly key: SnapshotProviderKey;
  /** Of the policy that the key was found in. */
  readonly policyEpoch: bigint;
  /** The provider's. */
  readonly status: number;
}

export interface RefusedKeysOptions {
  readonly store: ProviderKeyStore;
  readonly log: Logger;
  /** After the key was disabled. */
  readonly onDisabled: (provider: string) => void;
}

/** Far more keys than fail at once; beyond it the oldest is asked, and refused, once more. */
const KEYS_MAX = 10_000;
const RETRY_MS = 1_000;
/** When no policy from before is in use any more, except by requests that are under way. */
const SETTLED_MS = 60_000;

export function createRefusedKeys({ store, log, onDisabled }: RefusedKeysOptions): RefusedKeys {
  /** By secret: the epoch from which on policies know. */
  const excluded = new Map<string, bigint>();
  /** Not in Postgres yet. */
  const untold = new Map<string, Refusal>();
  let retry: NodeJS.Timeout | undefined;

  function exclude(name: string, knownFrom: bigint): void {
    excluded.set(name, knownFrom);
    setTimeout(() => {
      if (excluded.get(name) === knownFrom) excluded.delete(name);
    }, SETTLED_MS).unref();
  }

  async function disable(name: string, refusal: Refusal): Promise<void> {
    const { organizationId, key, status } = refusal;
    const { id, secret, provider } = key;
    const reason = `The provider refused the key with status ${status}.`;
    try {
      const disabling = { organizationId, id, secretVersion: secret.version, reason };
      const { disabled, epoch } = await store.disable(disabling);
      untold.delete(name);
      exclude(name, epoch);
      if (!disabled) return;
      onDisabled(provider);
      log.warn({ organizationId, providerKeyId: id, provider, status }, 'provider key refused and disabled');
    } catch (err) {
      log.warn({ err, providerKeyId: id }, 'a refused provider key could not be disabled yet');
      retry ??= setTimeout(disableAgain, RETRY_MS).unref();
    }
  }

  function has(key: SnapshotProviderKey, policyEpoch: bigint): boolean {
    const name = nameOf(key);
    const knownFrom = excluded.get(name);
    return untold.has(name) || (knownFrom !== undefined && policyEpoch < knownFrom);
  }

  function disableAgain(): void {
    retry = undefined;
    for (const [name, refusal] of untold) void disable(name, refusal);
  }

  return {
    get isEmpty() {
      return excluded.size === 0 && untold.size === 0;
    },
    has,
    refuse(refusal) {
      // Others were under way with the same secret.
      if (has(refusal.key, refusal.policyEpoch)) return;
      const name = nameOf(refusal.key);
      if (untold.size >= KEYS_MAX) {
        const oldest = untold.keys().next();
        if (oldest.done !== true) untold.delete(oldest.value);
      }
      untold.set(name, refusal);
      void disable(name, refusal);
    },
    unusable(key, policyEpoch) {
      exclude(nameOf(key), policyEpoch + 1n);
    },
    stop() {
      clearTimeout(retry);
    },
  };
}

/** A replaced secret is another one; what was said of the old one does not count. */
function nameOf({ id, secret }: SnapshotProviderKey): string {
  return `${id}:${secret.version}`;
}
