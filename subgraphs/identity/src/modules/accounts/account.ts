import type { Uuid } from '@weir/kernel/ids';
import type { AccessSettings } from '../access/access-change.ts';
import type { Routing } from '../routing/routing.ts';

export const ACCOUNT_KINDS = ['OWNER', 'TEAM', 'PROJECT', 'SUB_ACCOUNT', 'SERVICE_ACCOUNT'] as const;

export type AccountKind = (typeof ACCOUNT_KINDS)[number];

export type AccountStatus = 'ACTIVE' | 'SUSPENDED';

export interface Account extends AccessSettings {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** Null for the root. */
  readonly parentId: Uuid | null;
  readonly kind: AccountKind;
  readonly name: string;
  readonly status: AccountStatus;
  /** `.` and the ids of the ancestors from the root to the parent, each followed by `.`; the root's is `.`. */
  readonly dna: string;
  readonly routing: Routing;
  /** Selects the price tier, and bounds the models that may be used. */
  readonly tier: number;
  /** What prices are multiplied by, in parts per million. */
  readonly ratesPpm: bigint;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
}

export const ROOT_DNA = '.';

/** The DNA of everything directly below an account; what lies deeper begins with it. */
export function dnaBelow(account: Pick<Account, 'id' | 'dna'>): string {
  return `${account.dna}${account.id}.`;
}

/** From the root down to the parent. */
export function ancestorIdsOf(account: Pick<Account, 'dna'>): Uuid[] {
  return account.dna.split('.').filter((part): part is Uuid => part !== '');
}

/** Whether an account is `top` itself or lies anywhere below it. */
export function isWithin(account: Pick<Account, 'id' | 'dna'>, top: Pick<Account, 'id' | 'dna'>): boolean {
  return account.id === top.id || account.dna.startsWith(dnaBelow(top));
}
