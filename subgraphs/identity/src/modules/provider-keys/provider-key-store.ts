import { z } from 'zod';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import { parseUuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';
import type { ProviderKey } from './provider-key.ts';

const configSchema = z.record(z.string(), z.json());

/** The stored form of a provider key: where its secret's version has a column of its own. */
function toRow({ secret, config, ...key }: ProviderKey) {
  return {
    ...key,
    config: configSchema.parse(config),
    ciphertext: secret.ciphertext,
    nonce: secret.nonce,
    keyVersion: secret.version,
  };
}

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

    async insert(key: ProviderKey): Promise<void> {
      await db.providerKey.createMany({ data: [toRow(key)] });
    },

    async replace(key: ProviderKey): Promise<void> {
      await db.providerKey.updateMany({ where: { id: key.id }, data: toRow(key) });
    },
  };
}
