import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { AccessSettings } from '../access/access-change.ts';
import { ACCESS_COLUMNS, accessOfRow, LIMIT_COLUMNS, limitsOfRow } from '../access/access-record.ts';
import { levelsOf } from '../access/access-lists.ts';
import { depthOf, dnaBelow, dnaRangeBelow, type Account } from './account.ts';
import { whereWithin } from './account-query.ts';
import { ACCOUNT_COLUMNS, accountOfRow } from './account-record.ts';

/** What an account itself allows. */
export type AccountAccess = AccessSettings & Pick<Account, 'id'>;

/** The same, with what names it. */
export interface BoundAccount extends AccessSettings {
  readonly id: Uuid;
  readonly name: string;
}

/** What binds the spending of everything below an account. */
export interface SpendingBound {
  readonly accountId: Uuid;
  readonly kind: 'BUDGET' | 'CREDIT';
  /** Of the budget; empty for credit. */
  readonly name: string;
}

export interface RelocationBounds {
  readonly tierMax: number;
  readonly ratesPpmMin: bigint;
}

type Place = Pick<Account, 'id' | 'dna' | 'organizationId'>;

const PAGE = 1_000;
const STATEMENT_TIMEOUT_MS = 50_000;

const NO_LIST = { equals: Prisma.DbNull };

/** What an account must have to be bound by anything that it says itself. */
const RESTRICTED: Prisma.AccountWhereInput[] = [
  { NOT: { allowIps: NO_LIST } },
  { NOT: { allowModels: NO_LIST } },
  { NOT: { allowLevels: NO_LIST } },
  { NOT: { resources: NO_LIST } },
  { NOT: { limits: { equals: {} } } },
  { NOT: { modelLimits: { equals: [] } } },
];

/** Writes that concern a subtree as a whole, each in one statement. */
export function createAccountTreeStore(db: Db) {
  return {
    /**
     * Until the transaction ends, nobody else changes the shape of the organization's tree: whoever moves or deletes
     * excludes everybody, whoever creates or changes one account excludes only those.
     */
    async lockTree(organizationId: Uuid, mode: 'shape' | 'account'): Promise<void> {
      const name = `account tree ${organizationId}`;
      if (mode === 'shape') {
        // Statements over a whole subtree take longer than those that are meant to be short.
        await db.$executeRaw`select set_config('statement_timeout', ${String(STATEMENT_TIMEOUT_MS)}, true)`;
        await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
      } else {
        await db.$executeRaw`select pg_advisory_xact_lock_shared(hashtextextended(${name}, 0))`;
      }
    },

    /** How many accounts are above the deepest one of a subtree. */
    async depthWithin({ organizationId, ...top }: Place): Promise<number> {
      const { from, before } = dnaRangeBelow(top);
      const [row] = await db.$queryRaw<{ dna: string | null }[]>`
        select dna from identity.accounts
        where organization_id = ${organizationId}::uuid and dna >= ${from} and dna < ${before}
        order by length(dna) desc limit 1`;
      return depthOf({ dna: row?.dna ?? top.dna });
    },

    /** Accounts of a subtree that restrict something themselves, a page at a time in the order of ids. */
    async *restrictedWithin(top: Place): AsyncGenerator<BoundAccount> {
      let last: string | undefined;
      for (;;) {
        const rows = await db.account.findMany({
          where: {
            organizationId: top.organizationId,
            status: { not: 'DELETED' },
            AND: [whereWithin(top), { OR: RESTRICTED }, last === undefined ? {} : { id: { gt: last } }],
          },
          select: { id: true, name: true, ...ACCESS_COLUMNS, ...LIMIT_COLUMNS },
          orderBy: { id: 'asc' },
          take: PAGE,
        });
        for (const row of rows) {
          yield { id: parseUuid(row.id), name: row.name, access: accessOfRow(row), ...limitsOfRow(row) };
        }
        if (rows.length < PAGE) return;
        last = rows.at(-1)?.id;
      }
    },

    /** Accounts of a subtree with a higher Tier or lower Rates than these. */
    async beyondBounds(top: Place, { tierMax, ratesPpmMin }: RelocationBounds, take: number) {
      return db.account.findMany({
        where: {
          organizationId: top.organizationId,
          status: { not: 'DELETED' },
          AND: [whereWithin(top), { OR: [{ tier: { gt: tierMax } }, { ratesPpm: { lt: ratesPpmMin } }] }],
        },
        select: { id: true, name: true, tier: true, ratesPpm: true },
        orderBy: { id: 'asc' },
        take,
      });
    },

    /**
     * Puts a node with everything below it under another parent, within these bounds. The number of accounts that were
     * put elsewhere, deleted ones not counted.
     */
    async relocate(node: Place, parent: Place, { tierMax, ratesPpmMin }: RelocationBounds): Promise<number> {
      const { from, before } = dnaRangeBelow(node);
      const [row] = await db.$queryRaw<{ moved: number }[]>`
        with moved as (
          update identity.accounts set
            parent_id = case when id = ${node.id}::uuid then ${parent.id}::uuid else parent_id end,
            dna = ${dnaBelow(parent)} || substr(dna, ${node.dna.length + 1}::int),
            tier = least(tier, ${tierMax}::int),
            rates_ppm = greatest(rates_ppm, ${ratesPpmMin}::bigint),
            version = version + case
              when id = ${node.id}::uuid or tier > ${tierMax}::int or rates_ppm < ${ratesPpmMin}::bigint then 1 else 0 end,
            updated_at = now()
          where organization_id = ${node.organizationId}::uuid
            and (id = ${node.id}::uuid or (dna >= ${from} and dna < ${before}))
          returning status
        )
        select count(*) filter (where status <> 'DELETED')::int as moved from moved`;
      return row?.moved ?? 0;
    },

    /**
     * Puts everything directly below a node, with all that lies deeper, under the node's own parent. The number of
     * accounts that were put elsewhere, deleted ones not counted.
     */
    async liftChildren(node: Place & Pick<Account, 'parentId'>): Promise<number> {
      const { from, before } = dnaRangeBelow(node);
      const [row] = await db.$queryRaw<{ moved: number }[]>`
        with moved as (
          update identity.accounts set
            parent_id = case when parent_id = ${node.id}::uuid then ${node.parentId}::uuid else parent_id end,
            dna = ${node.dna} || substr(dna, ${from.length + 1}::int),
            version = version + case when parent_id = ${node.id}::uuid then 1 else 0 end,
            updated_at = now()
          where organization_id = ${node.organizationId}::uuid and dna >= ${from} and dna < ${before}
          returning status
        )
        select count(*) filter (where status <> 'DELETED')::int as moved from moved`;
      return row?.moved ?? 0;
    },

    /** Replaces what these accounts allow, as a whole. */
    async setAccess(changed: readonly AccountAccess[]): Promise<void> {
      for (let start = 0; start < changed.length; start += PAGE) {
        const rows = changed.slice(start, start + PAGE).map(({ id, access, limits, modelLimits }) => ({
          id,
          allow_ips: access.allowIps,
          allow_models: access.allowModels,
          allow_levels: levelsOf(access.allowLevels),
          resources: access.resources,
          limits,
          model_limits: modelLimits,
        }));
        await db.$executeRaw`
          update identity.accounts a set
            allow_ips = m.allow_ips, allow_models = m.allow_models, allow_levels = m.allow_levels,
            resources = m.resources, limits = m.limits, model_limits = m.model_limits,
            version = a.version + 1, updated_at = now()
          from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as m (
            id uuid, allow_ips jsonb, allow_models jsonb, allow_levels jsonb, resources jsonb, limits jsonb,
            model_limits jsonb
          )
          where a.id = m.id`;
      }
    },

    /** What is directly below an account, a page at a time in the order of ids. */
    async *childrenOf({ id, organizationId }: Place): AsyncGenerator<Account> {
      let last: string | undefined;
      for (;;) {
        const rows = await db.account.findMany({
          where: {
            ...{ organizationId, parentId: id, status: { not: 'DELETED' } },
            ...(last === undefined ? {} : { id: { gt: last } }),
          },
          select: ACCOUNT_COLUMNS,
          orderBy: { id: 'asc' },
          take: PAGE,
        });
        for (const row of rows) yield accountOfRow(row);
        if (rows.length < PAGE) return;
        last = rows.at(-1)?.id;
      }
    },

    /** Replaces rules of routing and the status. */
    async setRules(changed: readonly Pick<Account, 'id' | 'routing' | 'status'>[]): Promise<void> {
      for (let start = 0; start < changed.length; start += PAGE) {
        const rows = changed.slice(start, start + PAGE).map(({ id, routing, status }) => ({
          id,
          status,
          model_mapper: routing.modelMapper,
          level_mapper: routing.levelMapper,
          switch_over: routing.switchOver,
          model_failover: routing.modelFailover,
          sticky_routing: routing.stickyRouting,
        }));
        await db.$executeRaw`
          update identity.accounts a set
            status = m.status, model_mapper = m.model_mapper, level_mapper = m.level_mapper,
            switch_over = m.switch_over, model_failover = m.model_failover, sticky_routing = m.sticky_routing,
            version = a.version + 1, updated_at = now()
          from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as m (
            id uuid, status text, model_mapper jsonb, level_mapper jsonb, switch_over jsonb, model_failover jsonb,
            sticky_routing boolean
          )
          where a.id = m.id`;
      }
    },

    async markDeleted(id: Uuid, at: Date): Promise<void> {
      await db.account.updateMany({
        where: { id },
        // The role is free to be deleted, too.
        data: { status: 'DELETED', deletedAt: at, role: null, customRoleId: null, version: { increment: 1 } },
      });
    },

    /** The number of keys that were revoked by it. */
    async revokeKeysOf(accountId: Uuid, at: Date): Promise<number> {
      const { count } = await db.apiKey.updateMany({
        where: { accountId, status: { not: 'REVOKED' } },
        data: { status: 'REVOKED', revokedAt: at, version: { increment: 1 } },
      });
      return count;
    },

    async spendingBounds(organizationId: Uuid, accounts: readonly Uuid[]): Promise<readonly SpendingBound[]> {
      const rows = await db.$queryRaw<{ account_id: Uuid; kind: 'BUDGET' | 'CREDIT'; name: string }[]>`
        select account_id::text as account_id, kind, name
        from policy.spending_bounds(${organizationId}::uuid, ${[...accounts]}::uuid[])`;
      return rows.map(({ account_id: accountId, kind, name }) => ({ accountId, kind, name }));
    },
  };
}
