import type { Db } from '@weir/prisma/database';
import type { Prisma } from '@weir/prisma/client';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { ACCOUNT_KINDS, dnaBelow, type Account } from './account.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  parentId: true,
  kind: true,
  name: true,
  status: true,
  dna: true,
  createdAt: true,
} as const;

type Row = Prisma.AccountGetPayload<{ select: typeof COLUMNS }>;

function toAccount(row: Row): Account {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    parentId: row.parentId === null ? null : parseUuid(row.parentId),
    kind: ACCOUNT_KINDS.find((kind) => kind === row.kind) ?? 'SUB_ACCOUNT',
    status: row.status === 'ACTIVE' ? 'ACTIVE' : 'SUSPENDED',
  };
}

/** A position in the order of creation. */
export interface AccountPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

export interface AccountQuery {
  readonly organizationId: Uuid;
  /** Only this account and what lies below it; undefined for the whole organization. */
  readonly within: Account | undefined;
  readonly after: AccountPosition | undefined;
  readonly take: number;
}

export type NewAccount = Pick<Account, 'id' | 'organizationId' | 'parentId' | 'kind' | 'name' | 'dna'> &
  Partial<Pick<Prisma.AccountCreateManyInput, 'level' | 'gear' | 'tier' | 'ratesPpm'>>;

function withinFilter(top: Account | undefined): Prisma.AccountWhereInput {
  return top ? { OR: [{ id: top.id }, { dna: { startsWith: dnaBelow(top) } }] } : {};
}

function afterFilter(after: AccountPosition | undefined): Prisma.AccountWhereInput {
  if (!after) return {};
  return {
    OR: [{ createdAt: { gt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }],
  };
}

export function createAccountStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Account[]> {
      const rows = await db.account.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toAccount);
    },

    async rootOf(organizationId: Uuid): Promise<Account | undefined> {
      const row = await db.account.findFirst({ where: { organizationId, parentId: null }, select: COLUMNS });
      return row ? toAccount(row) : undefined;
    },

    /** In the order of creation. */
    async list(query: AccountQuery): Promise<Account[]> {
      const rows = await db.account.findMany({
        where: {
          organizationId: query.organizationId,
          AND: [withinFilter(query.within), afterFilter(query.after)],
        },
        select: COLUMNS,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take: query.take,
      });
      return rows.map(toAccount);
    },

    async insert(account: NewAccount): Promise<void> {
      await db.account.createMany({ data: [account] });
    },
  };
}
