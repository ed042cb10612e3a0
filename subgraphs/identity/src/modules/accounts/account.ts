import type { Uuid } from '@weir/kernel/ids';
import type { AccessSettings } from '../access/access-change.ts';
import type { Role } from '../roles/role.ts';
import type { Routing } from '../routing/routing.ts';

export const ACCOUNT_KINDS = ['OWNER', 'TEAM', 'PROJECT', 'SUB_ACCOUNT', 'SERVICE_ACCOUNT'] as const;

export type AccountKind = (typeof ACCOUNT_KINDS)[number];

export const ACCOUNT_STATUSES = ['ACTIVE', 'SUSPENDED', 'DELETED'] as const;

/** A deleted account stays as a leaf, so that what happened under its id can be read. */
export type AccountStatus = (typeof ACCOUNT_STATUSES)[number];

export interface Account extends AccessSettings {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** Null for the root. */
  readonly parentId: Uuid | null;
  readonly kind: AccountKind;
  readonly name: string;
  /** The name in lower case as the database writes it, which it is sorted by. */
  readonly nameKey: string;
  readonly description: string;
  readonly status: AccountStatus;
  /** `.` and the ids of the ancestors from the root to the parent, each followed by `.`; the root's is `.`. */
  readonly dna: string;
  readonly routing: Routing;
  /** Selects the price tier, and bounds the models that may be used. */
  readonly tier: number;
  /** What prices are multiplied by, in parts per million. */
  readonly ratesPpm: bigint;
  /** What the keys of a service account may do at most; null for every other kind. */
  readonly serviceRole: Role | null;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
  /** Null unless deleted. */
  readonly deletedAt: Date | null;
}

export const ROOT_DNA = '.';

type Place = Pick<Account, 'id' | 'dna'>;

/** The DNA of everything directly below an account; what lies deeper begins with it. */
export function dnaBelow(account: Place): string {
  return `${account.dna}${account.id}.`;
}

/**
 * The DNA of everything below an account, as a range of text: from `from` on and before `before`. A comparison can be
 * answered from the index below row-level security, which LIKE cannot.
 */
export function dnaRangeBelow(account: Place): { readonly from: string; readonly before: string } {
  const from = dnaBelow(account);
  // "/" is the character after ".", so this is the first text that does not begin with `from`.
  return { from, before: `${from.slice(0, -1)}/` };
}

/** From the root down to the parent. */
export function ancestorIdsOf(account: Pick<Account, 'dna'>): Uuid[] {
  return account.dna.split('.').filter((part): part is Uuid => part !== '');
}

/** How many accounts are above one with this DNA; 0 for the root. */
export function depthOf({ dna }: Pick<Account, 'dna'>): number {
  return ancestorIdsOf({ dna }).length;
}

/** Whether an account is `top` itself or lies anywhere below it. */
export function isWithin(account: Place, top: Place): boolean {
  return account.id === top.id || account.dna.startsWith(dnaBelow(top));
}
