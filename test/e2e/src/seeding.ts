import { createHash } from 'node:crypto';
import pg from 'pg';
import { decodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { insertRow } from '@weir/testkit/postgres-tenant';

/** An API key that was written by SQL. */
export interface SeededKey {
  readonly id: Uuid;
  readonly secret: string;
}

/** Rows of one organization of a running platform, written past its services by the owner of the tables. */
export interface Seeding {
  readonly client: pg.Client;
  readonly organizationId: Uuid;
  /** The id of the organization's only account of the kind. */
  accountOf(kind: string): Promise<Uuid>;
  /** @returns A new project below the root account. */
  addAccount(): Promise<Uuid>;
  addKey(accountId: Uuid, columns?: Readonly<Record<string, unknown>>): Promise<SeededKey>;
  /**
   * A BLOCK budget of money that never resets. It has blocked for long: nobody waits for what might run beside it.
   * @param columns Names the node and the limit.
   */
  addBudget(columns: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** @param publicOrganizationId As the GraphQL API says it. */
export async function openSeeding(databaseUrl: string, publicOrganizationId: string): Promise<Seeding> {
  const organizationId = decodeId('organization', publicOrganizationId);
  if (organizationId === undefined) throw new Error(`${publicOrganizationId} is no organization`);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const accountOf = async (kind: string): Promise<Uuid> => {
    const { rows } = await client.query<{ id: Uuid }>(
      'select id from identity.accounts where organization_id = $1 and kind = $2',
      [organizationId, kind],
    );
    const [only] = rows;
    if (!only || rows.length > 1) throw new Error(`${rows.length} accounts are ${kind}`);
    return only.id;
  };
  return {
    client,
    organizationId,
    accountOf,
    async addAccount() {
      const id = newUuid();
      const ownerId = await accountOf('OWNER');
      await insertRow(client, 'identity.accounts', {
        id,
        organization_id: organizationId,
        parent_id: ownerId,
        dna: `.${ownerId}.`,
        kind: 'PROJECT',
        name: `Project ${id.slice(-12)}`,
      });
      return id;
    },
    async addKey(accountId, columns = {}) {
      const id = newUuid();
      const secret = newVirtualKey();
      await insertRow(client, 'identity.api_keys', {
        id,
        organization_id: organizationId,
        account_id: accountId,
        name: `Key ${id.slice(-12)}`,
        key_hash: createHash('sha256').update(secret).digest(),
        ...visibleParts(secret),
        scopes: ['inference:write'],
        ...columns,
      });
      return { id, secret };
    },
    async addBudget(columns) {
      const id = newUuid();
      await insertRow(client, 'billing.budgets', {
        id,
        organization_id: organizationId,
        name: 'seeded',
        metric: 'COST',
        period: 'TOTAL',
        enforcement: 'BLOCK',
        ...columns,
      });
      await client.query(`update billing.budgets set blocks_since = now() - interval '1 day' where id = $1`, [
        id,
      ]);
    },
    close: () => client.end(),
  };
}
