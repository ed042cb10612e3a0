import type { Pool } from 'pg';
import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';

/** A secret that its provider does not accept. */
export interface Disabling {
  readonly organizationId: Uuid;
  readonly id: Uuid;
  /** A secret that was replaced meanwhile is left alone. */
  readonly secretVersion: number;
  readonly reason: string;
}

/** What people are shown of one key serving one model. */
export interface KeyStateRow {
  readonly providerKeyId: Uuid;
  readonly secretVersion: number;
  readonly model: string;
  readonly state: 'AWAKE' | 'SLEEPING' | 'PROBING';
  readonly untilMs: number | null;
  readonly reason: string | null;
  readonly failures: number;
}

/** What the proxy may write about provider keys. Rejects when Postgres does not answer. */
export interface ProviderKeyStore {
  /** @returns Whether it was this call that disabled the key, and the organization's epoch afterwards. */
  disable(disabling: Disabling): Promise<{ readonly disabled: boolean; readonly epoch: bigint }>;
  report(rows: readonly KeyStateRow[]): Promise<void>;
}

const disabledRows = z.tuple([
  z.object({ disabled: z.boolean(), epoch: z.string().transform((text) => BigInt(text)) }),
]);

/** @param pool Connects as `weir_proxy`. */
export function createProviderKeyStore(pool: Pool): ProviderKeyStore {
  return {
    async disable({ organizationId, id, secretVersion, reason }) {
      const { rows } = await pool.query<Record<string, unknown>>({
        text: 'select disabled, epoch::text as epoch from policy.disable_provider_key($1, $2, $3, $4)',
        values: [organizationId, id, secretVersion, reason],
      });
      return disabledRows.parse(rows)[0];
    },
    async report(rows) {
      await pool.query('select policy.report_provider_key_states($1)', [JSON.stringify(rows)]);
    },
  };
}
