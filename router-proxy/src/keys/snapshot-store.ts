import type { Pool } from 'pg';
import { z } from 'zod';
import { policySnapshotSchema, type PolicySnapshot } from '@weir/contracts/policy-snapshot';

/** The two questions that the proxy asks about policies; all that its database role may read of them. */
export interface SnapshotStore {
  /** Null for a key that does not exist. Rejects when Postgres does not answer. */
  snapshot(keyHash: string): Promise<PolicySnapshot | null>;
  /** The present epoch of each organization. */
  epochs(organizationIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
}

const snapshotRows = z.tuple([z.object({ snapshot: policySnapshotSchema.nullable() })]);
const epochRows = z.array(
  z.object({ organization_id: z.string(), epoch: z.string().transform((text) => BigInt(text)) }),
);

/** @param pool Connects as `weir_proxy`. */
export function createSnapshotStore(pool: Pool): SnapshotStore {
  return {
    async snapshot(keyHash) {
      const { rows } = await pool.query<Record<string, unknown>>({
        name: 'policy-snapshot',
        text: 'select policy.snapshot($1) as snapshot',
        values: [Buffer.from(keyHash, 'hex')],
      });
      return snapshotRows.parse(rows)[0].snapshot;
    },
    async epochs(organizationIds) {
      const { rows } = await pool.query<Record<string, unknown>>({
        name: 'policy-epochs',
        text: 'select organization_id, epoch::text as epoch from policy.epochs($1::uuid[])',
        values: [organizationIds],
      });
      return new Map(epochRows.parse(rows).map((row) => [row.organization_id, row.epoch]));
    },
  };
}
