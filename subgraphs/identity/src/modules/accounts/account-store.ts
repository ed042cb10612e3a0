import type { Db } from '@weir/prisma/database';
import type { Uuid } from '@weir/kernel/ids';
import type { Role } from '../roles/role.ts';
import type { Account, AccountStatus } from './account.ts';
import { orderOf, whereOf, type AccountQuery } from './account-query.ts';
import { ACCOUNT_COLUMNS, accountOfRow, rowOfSettings, type AccountSettings } from './account-record.ts';

/** What an account is made of; the database's defaults stand for settings that are left out. */
export type NewAccount = Pick<Account, 'id' | 'organizationId' | 'parentId' | 'kind' | 'name' | 'dna'> &
  Partial<AccountSettings & Pick<Account, 'createdAt' | 'description' | 'serviceRole'>>;

export type AccountUpdateRow = Partial<
  AccountSettings & Pick<Account, 'name' | 'description' | 'serviceRole'>
>;

/** The Rates and the Tier that children of an account have. */
export interface ChildBounds {
  readonly ratesPpmMin: bigint | null;
  readonly tierMax: number | null;
}

function columnsOfRole(role: Role) {
  return role.kind === 'SYSTEM'
    ? { role: role.name, customRoleId: null }
    : { role: 'CUSTOM', customRoleId: role.id };
}

export function createAccountStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Account[]> {
      const rows = await db.account.findMany({ where: { id: { in: [...ids] } }, select: ACCOUNT_COLUMNS });
      return rows.map(accountOfRow);
    },

    async rootOf(organizationId: Uuid): Promise<Account | undefined> {
      const row = await db.account.findFirst({
        where: { organizationId, parentId: null },
        select: ACCOUNT_COLUMNS,
      });
      return row ? accountOfRow(row) : undefined;
    },

    async list(query: AccountQuery): Promise<Account[]> {
      const rows = await db.account.findMany({
        where: whereOf(query),
        select: ACCOUNT_COLUMNS,
        orderBy: orderOf(query.order),
        take: query.take,
      });
      return rows.map(accountOfRow);
    },

    async insert({ id, organizationId, parentId, kind, name, dna, ...rest }: NewAccount): Promise<void> {
      const { createdAt, description, serviceRole, ...settings } = rest;
      await db.account.createMany({
        data: [
          {
            ...rowOfSettings(settings),
            ...{ id, organizationId, parentId, kind, name, dna },
            ...(description !== undefined && { description }),
            ...(serviceRole && columnsOfRole(serviceRole)),
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

    /** The id of the service account with this name, in whatever case. */
    async serviceAccountNamed(organizationId: Uuid, name: string): Promise<Uuid | undefined> {
      const [row] = await db.$queryRaw<{ id: Uuid }[]>`
        select id::text as id from identity.accounts
        where organization_id = ${organizationId}::uuid and kind = 'SERVICE_ACCOUNT' and status <> 'DELETED'
          and name_key = lower(${name})`;
      return row?.id;
    },

    async childBounds(id: Uuid): Promise<ChildBounds> {
      const { _min, _max } = await db.account.aggregate({
        where: { parentId: id, status: { not: 'DELETED' } },
        _min: { ratesPpm: true },
        _max: { tier: true },
      });
      return { ratesPpmMin: _min.ratesPpm, tierMax: _max.tier };
    },

    async update(id: Uuid, { name, description, serviceRole, ...settings }: AccountUpdateRow): Promise<void> {
      await db.account.updateMany({
        where: { id },
        data: {
          ...rowOfSettings(settings),
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
          ...(serviceRole && columnsOfRole(serviceRole)),
          version: { increment: 1 },
        },
      });
    },

    /** Does nothing to an account that has this status already. */
    async setStatus(id: Uuid, status: Exclude<AccountStatus, 'DELETED'>): Promise<void> {
      await db.account.updateMany({
        where: { id, status: { notIn: [status, 'DELETED'] } },
        data: { status, version: { increment: 1 } },
      });
    },
  };
}
