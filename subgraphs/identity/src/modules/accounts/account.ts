import type { Uuid } from '@weir/kernel/ids';

export const ACCOUNT_KINDS = ['OWNER', 'TEAM', 'PROJECT', 'SUB_ACCOUNT', 'SERVICE_ACCOUNT'] as const;

export type AccountKind = (typeof ACCOUNT_KINDS)[number];

export interface Account {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** Null for the root. */
  readonly parentId: Uuid | null;
  readonly kind: AccountKind;
  readonly name: string;
  readonly status: 'ACTIVE' | 'SUSPENDED';
  /** `.` and the ids of the ancestors from the root to the parent, each followed by `.`; the root's is `.`. */
  readonly dna: string;
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
