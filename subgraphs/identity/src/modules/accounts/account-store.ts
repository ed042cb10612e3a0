import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import {
  ACCESS_COLUMNS,
  accessOfRow,
  LIMIT_COLUMNS,
  limitsOfRow,
  rowOfAccess,
  rowOfLimits,
} from '../access/access-record.ts';
import { ROUTING_COLUMNS, routingOfRow, rowOfRouting } from '../routing/routing-record.ts';
import { ACCOUNT_KINDS, dnaBelow, type Account, type AccountStatus } from './account.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  parentId: true,
  kind: true,
  name: true,
  status: true,
  dna: true,
  tier: true,
  ratesPpm: true,
  version: true,
  createdAt: true,
  ...ACCESS_COLUMNS,
  ...LIMIT_COLUMNS,
  ...ROUTING_COLUMNS,
} as const;

type Row = Prisma.AccountGetPayload<{ select: typeof COLUMNS }>;

function toAccount(row: Row): Account {
  return {
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    parentId: row.parentId === null ? null : parseUuid(row.parentId),
    kind: ACCOUNT_KINDS.find((kind) => kind === row.kind) ?? 'SUB_ACCOUNT',
    name: row.name,
    status: row.status === 'ACTIVE' ? 'ACTIVE' : 'SUSPENDED',
    dna: row.dna,
    access: accessOfRow(row),
    ...limitsOfRow(row),
    routing: routingOfRow(row),
    tier: row.tier,
    ratesPpm: row.ratesPpm,
    version: row.version,
    createdAt: row.createdAt,
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

/** What an account is made of; the database's defaults stand for settings that are left out. */
export type NewAccount = Pick<Account, 'id' | 'organizationId' | 'parentId' | 'kind' | 'name' | 'dna'> &
  Partial<AccountSettings & Pick<Account, 'createdAt'>>;

export type AccountSettings = Pick<
  Account,
  'access' | 'limits' | 'modelLimits' | 'routing' | 'tier' | 'ratesPpm'
>;

/** The Rates and the Tier that children of an account have. */
export interface ChildBounds {
  readonly ratesPpmMin: bigint | null;
  readonly tierMax: number | null;
}

function withinFilter(top: Account | undefined): Prisma.AccountWhereInput {
  return top ? { OR: [{ id: top.id }, { dna: { startsWith: dnaBelow(top) } }] } : {};
}

function afterFilter(after: AccountPosition | undefined): Prisma.AccountWhereInput {
  if (!after) return {};
  return {
    OR: [{ createdAt: { gt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }],
  };
}

function rowOfSettings({ access, limits, modelLimits, routing, ...rest }: Partial<AccountSettings>) {
  return {
    ...rest,
    ...(access && rowOfAccess(access)),
    ...(limits && modelLimits && rowOfLimits({ limits, modelLimits })),
    ...(routing && rowOfRouting(routing)),
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

    async insert({
      id,
      organizationId,
      parentId,
      kind,
      name,
      dna,
      createdAt,
      ...settings
    }: NewAccount): Promise<void> {
      await db.account.createMany({
        data: [
          {
            ...rowOfSettings(settings),
            ...{ id, organizationId, parentId, kind, name, dna },
            ...(createdAt && { createdAt }),
          },
        ],
      });
    },

    /**
     * An account, kept from changing until the transaction ends, and its parent kept from changing with it. Locks are
     * taken from the top down, so that nobody waits in a circle.
     */
    async lock(id: Uuid, parentId: Uuid | null): Promise<Account | undefined> {
      if (parentId !== null) await this.lockParent(parentId);
      await db.$executeRaw`select 1 from identity.accounts where id = ${id}::uuid for no key update`;
      return (await this.byIds([id])).at(0);
    },

    /** An account that others are put below, kept from changing until the transaction ends. */
    async lockParent(id: Uuid): Promise<Account | undefined> {
      await db.$executeRaw`select 1 from identity.accounts where id = ${id}::uuid for share`;
      return (await this.byIds([id])).at(0);
    },

    async childBounds(id: Uuid): Promise<ChildBounds> {
      const { _min, _max } = await db.account.aggregate({
        where: { parentId: id },
        _min: { ratesPpm: true },
        _max: { tier: true },
      });
      return { ratesPpmMin: _min.ratesPpm, tierMax: _max.tier };
    },

    async update(id: Uuid, changes: Partial<AccountSettings & Pick<Account, 'name'>>): Promise<void> {
      const { name, ...settings } = changes;
      await db.account.updateMany({
        where: { id },
        data: {
          ...rowOfSettings(settings),
          ...(name === undefined ? {} : { name }),
          version: { increment: 1 },
        },
      });
    },

    /** Does nothing to an account that has this status already. */
    async setStatus(id: Uuid, status: AccountStatus): Promise<void> {
      await db.account.updateMany({
        where: { id, status: { not: status } },
        data: { status, version: { increment: 1 } },
      });
    },
  };
}
