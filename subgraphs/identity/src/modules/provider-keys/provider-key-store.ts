import { z } from 'zod';
import { PROVIDER_KINDS, type ProviderKind } from '@weir/contracts/provider-config';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import type { CreationPosition } from '../../creation-order.ts';
import { PROVIDER_KEY_STATUSES, type ProviderKey, type ProviderKeyStatus, type SealedProviderKey } from './provider-key.ts'; // prettier-ignore

const COLUMNS = {
  id: true,
  organizationId: true,
  ownerId: true,
  name: true,
  provider: true,
  baseUrl: true,
  level: true,
  weight: true,
  status: true,
  disabledReason: true,
  config: true,
  keyVersion: true,
  secretHint: true,
  createdAt: true,
  updatedAt: true,
} as const;

type Row = Prisma.ProviderKeyGetPayload<{ select: typeof COLUMNS }>;

const configSchema = z.record(z.string(), z.json());

function toProviderKey(row: Row): ProviderKey {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    ownerId: parseUuid(row.ownerId),
    provider: z.enum(PROVIDER_KINDS).parse(row.provider),
    // A status that this version does not know must not look as if it served.
    status: PROVIDER_KEY_STATUSES.find((known) => known === row.status) ?? 'DISABLED',
    config: configSchema.parse(row.config),
  };
}

/** The stored form of a secret: its version has a column of its own. */
function secretColumns({ ciphertext, nonce, version }: SealedSecret) {
  return { ciphertext, nonce, keyVersion: version };
}

export interface ProviderKeyQuery {
  readonly organizationId: Uuid;
  readonly level: number | undefined;
  readonly provider: ProviderKind | undefined;
  readonly status: ProviderKeyStatus | undefined;
  readonly after: CreationPosition | undefined;
  readonly take: number;
}

/** What may change of a key; absent members stay. */
export type ProviderKeyChange = Partial<
  Omit<SealedProviderKey, 'id' | 'organizationId' | 'ownerId' | 'provider'>
>;

export function createProviderKeyStore(db: Db) {
  return {
    async ownerKey(ownerId: Uuid): Promise<SealedSecret | undefined> {
      const row = await db.ownerKey.findUnique({
        where: { ownerId },
        select: { ciphertext: true, nonce: true, version: true },
      });
      return row ?? undefined;
    },

    async insertOwnerKey(organizationId: Uuid, ownerId: Uuid, sealed: SealedSecret): Promise<void> {
      await db.ownerKey.createMany({ data: [{ ownerId, organizationId, ...sealed }] });
    },

    async idByName(organizationId: Uuid, name: string): Promise<Uuid | undefined> {
      const row = await db.providerKey.findFirst({ where: { organizationId, name }, select: { id: true } });
      return row ? parseUuid(row.id) : undefined;
    },

    async byIds(ids: readonly Uuid[]): Promise<ProviderKey[]> {
      const rows = await db.providerKey.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toProviderKey);
    },

    /** In a transaction: as it is, and unchanged by others until the end. */
    async lock(id: Uuid): Promise<ProviderKey | undefined> {
      await db.$executeRaw`select from identity.provider_keys where id = ${id}::uuid for update`;
      return (await this.byIds([id])).at(0);
    },

    async secretOf(id: Uuid): Promise<SealedSecret | undefined> {
      const row = await db.providerKey.findUnique({
        where: { id },
        select: { ciphertext: true, nonce: true, keyVersion: true },
      });
      return row ? { ciphertext: row.ciphertext, nonce: row.nonce, version: row.keyVersion } : undefined;
    },

    /** In the order of creation. */
    async list({
      organizationId,
      level,
      provider,
      status,
      after,
      take,
    }: ProviderKeyQuery): Promise<ProviderKey[]> {
      const rows = await db.providerKey.findMany({
        where: {
          organizationId,
          ...(level === undefined ? {} : { level }),
          ...(provider === undefined ? {} : { provider }),
          ...(status === undefined ? {} : { status }),
          ...(after
            ? {
                OR: [
                  { createdAt: { gt: after.createdAt } },
                  { createdAt: after.createdAt, id: { gt: after.id } },
                ],
              }
            : {}),
        },
        select: COLUMNS,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take,
      });
      return rows.map(toProviderKey);
    },

    count: (organizationId: Uuid): Promise<number> => db.providerKey.count({ where: { organizationId } }),

    async insert({ secret, config, ...key }: SealedProviderKey): Promise<void> {
      const data = { ...key, ...secretColumns(secret), config: configSchema.parse(config) };
      await db.providerKey.createMany({ data: [data] });
    },

    async change(id: Uuid, { secret, config, ...change }: ProviderKeyChange): Promise<void> {
      await db.providerKey.updateMany({
        where: { id },
        data: {
          ...change,
          ...(secret ? secretColumns(secret) : {}),
          ...(config ? { config: configSchema.parse(config) } : {}),
        },
      });
    },

    /** @returns Whether it was there. */
    async remove(id: Uuid): Promise<boolean> {
      const { count } = await db.providerKey.deleteMany({ where: { id } });
      return count > 0;
    },
  };
}
