import pg from 'pg';
import { decodeId, encodeId, type Uuid } from '@weir/kernel/ids';
import { aProviderKey, insertRow, seedTenant } from '@weir/testkit/postgres-tenant';
import { fillTenant } from '@weir/testkit/postgres-tenant-rows';
import { signIn, type Session } from '../graphql.ts';
import type { Platform } from '../platform.ts';
import type { Place } from './targets.ts';

/** Two organizations of one platform: the demo's, in which actors act, and one that is nobody's business. */
export interface Tenants {
  readonly client: pg.Client;
  readonly own: Place;
  readonly foreign: Place;
  /** Of the demo's Owner. */
  readonly owner: Session;
  close(): Promise<void>;
}

const ADD_KEY = `mutation ($id: ID!) { providerKeyAdd(input: { organizationId: $id, name: "Target", provider: OPENAI, level: 1,
  baseUrl: "https://provider.example/v1", secret: "sk-target-of-a-walk-0123456789" }) { providerKey { id } userErrors { message } } }`;

async function ownPlace(client: pg.Client, publicId: string, owner: Session): Promise<Place> {
  const organizationId = decodeId('organization', publicId);
  if (organizationId === undefined) throw new Error(`${publicId} is no organization`);
  const { rows } = await client.query<{ id: Uuid }>(
    'select id from identity.accounts where organization_id = $1 and parent_id is null',
    [organizationId],
  );
  const [root] = rows;
  if (!root) throw new Error('an organization has a root account');
  return {
    client,
    organizationId,
    rootAccountId: root.id,
    async addProviderKey() {
      const { providerKeyAdd } = await owner.ask<{
        providerKeyAdd: { providerKey: { id: string } | null; userErrors: readonly { message: string }[] };
      }>(ADD_KEY, { id: publicId });
      if (!providerKeyAdd.providerKey) throw new Error(JSON.stringify(providerKeyAdd.userErrors));
      return providerKeyAdd.providerKey.id;
    },
  };
}

async function foreignPlace(client: pg.Client): Promise<Place> {
  const tenant = await seedTenant(client);
  await fillTenant(client, tenant);
  return {
    client,
    organizationId: tenant.organizationId,
    rootAccountId: tenant.ownerId,
    async addProviderKey() {
      const key = aProviderKey(tenant);
      await insertRow(client, 'identity.provider_keys', key);
      return encodeId('providerKey', key.id);
    },
  };
}

export async function openTenants({ databaseUrl, access }: Platform): Promise<Tenants> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const owner = await signIn(access);
  return {
    client,
    owner,
    own: await ownPlace(client, access.organizationId, owner),
    foreign: await foreignPlace(client),
    close: () => client.end(),
  };
}
