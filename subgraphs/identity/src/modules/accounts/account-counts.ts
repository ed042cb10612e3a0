import type { Db } from '@weir/prisma/database';
import type { Uuid } from '@weir/kernel/ids';
import { dnaRangeBelow, type Account } from './account.ts';

export interface NodeCount {
  readonly id: Uuid;
  readonly count: number;
}

type Place = Pick<Account, 'id' | 'dna' | 'organizationId'>;

/** Accounts below others, deleted ones not counted; one statement for any number of nodes. */
export function createAccountCounts(db: Db) {
  return {
    /** Only of nodes that have any. */
    children: (ids: readonly Uuid[]): Promise<NodeCount[]> =>
      db.$queryRaw<NodeCount[]>`
        select parent_id::text as id, count(*)::int as count from identity.accounts
        where organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
          and parent_id = any (${[...ids]}::uuid[]) and status <> 'DELETED'
        group by parent_id`,

    descendants: (nodes: readonly Place[]): Promise<NodeCount[]> => {
      const ranges = nodes.map(dnaRangeBelow);
      return db.$queryRaw<NodeCount[]>`
        select n.id::text as id, below.count
        from unnest(
          ${nodes.map(({ id }) => id)}::uuid[], ${nodes.map(({ organizationId }) => organizationId)}::uuid[],
          ${ranges.map(({ from }) => from)}::text[], ${ranges.map(({ before }) => before)}::text[]
        ) as n (id, organization_id, lowest, past)
        cross join lateral (
          select count(*)::int as count from identity.accounts a
          where a.organization_id = n.organization_id and a.dna >= n.lowest and a.dna < n.past
            and a.status <> 'DELETED'
        ) as below`;
    },
  };
}
