import type { Uuid } from '@weir/kernel/ids';

/**
 * All keys of the counter store. Those of one organization share the hash tag `{<organization>}`, so that one function
 * may touch them in a cluster; functions derive further keys from the base only. Every key expires, as `lib.lua` says.
 */
export interface OrganizationKeys {
  /** What the functions derive keys from. */
  readonly base: string;
  readonly epoch: string;
  /** Sorted set: attempt ids by the end of their lease. */
  readonly leases: string;
  attempt(id: Uuid): string;
  windows(subject: string): string;
  concurrency(subject: string): string;
  balance(counter: string): string;
}

/**
 * Of what the functions keep. Proxies of releases with different layouts share nothing, so none misreads what another has
 * written: each counts by itself until the last one of the former release has ended.
 */
const LAYOUT = 3;

export function organizationKeys(prefix: string, organizationId: Uuid): OrganizationKeys {
  const base = `${prefix}:${LAYOUT}:{${organizationId}}:`;
  return {
    base,
    epoch: `${base}e`,
    leases: `${base}l`,
    attempt: (id) => `${base}a:${id}`,
    windows: (subject) => `${base}w:${subject}`,
    concurrency: (subject) => `${base}c:${subject}`,
    balance: (counter) => `${base}b:${counter}`,
  };
}

/** Sorted set of the organizations that may have leases, by the time they were last announced; see `registry.ts`. */
export function registryKey(prefix: string): string {
  return `${prefix}:${LAYOUT}:organizations`;
}

/** What every call to a function needs besides its own arguments. */
export interface CallContext {
  readonly keys: OrganizationKeys;
  /** Empty for the server's own time. */
  readonly now: number | '';
  readonly seedQuarantineMs: number;
  /** The id of the epoch that begins if there is none; never used before. */
  readonly newEpoch: number;
}

/** The states of deployments: one slot for all, because every proxy has to hear of every change in one order. */
export interface DeploymentKeys {
  /** In the order in which the functions expect them. */
  readonly all: readonly string[];
  readonly channel: string;
}

export function deploymentKeys(prefix: string): DeploymentKeys {
  const base = `${prefix}:{deployments}:`;
  return { all: [`${base}s`, `${base}c`, `${base}f`, `${base}v`], channel: `${base}changed` };
}

/** The names that requests of one API key go by: what they stand for, and when they expire. */
export function requestNameKeys(prefix: string, organizationId: Uuid, apiKeyId: Uuid): readonly string[] {
  const base = `${prefix}:{${organizationId}}:`;
  return [`${base}i:${apiKeyId}`, `${base}x:${apiKeyId}`];
}
