import { isSystemRole } from '@weir/contracts/permission-matrix';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import type { OidcProvider } from './oidc-provider.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  name: true,
  issuer: true,
  clientId: true,
  emailDomains: true,
  createsPeople: true,
  defaultRole: true,
  createdAt: true,
  updatedAt: true,
} as const;

type Row = Prisma.OidcProviderGetPayload<{ select: typeof COLUMNS }>;

function toProvider(row: Row): OidcProvider {
  const { defaultRole } = row;
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: row.organizationId === null ? null : parseUuid(row.organizationId),
    defaultRole: defaultRole !== null && isSystemRole(defaultRole) ? defaultRole : null,
  };
}

export type OidcSettings = Pick<
  OidcProvider,
  'name' | 'issuer' | 'clientId' | 'emailDomains' | 'createsPeople' | 'defaultRole'
>;

const settingsOf = (settings: OidcSettings) => ({ ...settings, emailDomains: [...settings.emailDomains] });
const secretOf = ({ ciphertext, nonce, version }: SealedSecret) => ({
  ciphertext,
  nonce,
  secretVersion: version,
});

export function createOidcProviderStore(db: Db) {
  return {
    /** Oldest first; those of nobody's organization are the platform's. */
    async allOf(organizationId: Uuid | null): Promise<OidcProvider[]> {
      const rows = await db.oidcProvider.findMany({
        where: { organizationId },
        select: COLUMNS,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(toProvider);
    },

    async byId(id: Uuid): Promise<OidcProvider | undefined> {
      const row = await db.oidcProvider.findUnique({ where: { id }, select: COLUMNS });
      return row ? toProvider(row) : undefined;
    },

    async sealedSecretOf(id: Uuid): Promise<SealedSecret | undefined> {
      const row = await db.oidcProvider.findUnique({
        where: { id },
        select: { ciphertext: true, nonce: true, secretVersion: true },
      });
      return row ? { ciphertext: row.ciphertext, nonce: row.nonce, version: row.secretVersion } : undefined;
    },

    async insert(
      provider: OidcSettings & Pick<OidcProvider, 'id' | 'organizationId'>,
      secret: SealedSecret,
    ): Promise<void> {
      const { id, organizationId } = provider;
      await db.oidcProvider.createMany({
        data: [{ id, organizationId, ...settingsOf(provider), ...secretOf(secret) }],
      });
    },

    async update(id: Uuid, settings: OidcSettings, secret: SealedSecret | undefined): Promise<void> {
      await db.oidcProvider.updateMany({
        where: { id },
        data: { ...settingsOf(settings), ...(secret ? secretOf(secret) : {}) },
      });
    },

    /** False when it was gone already. Whoever signed in through it cannot do so any more. */
    async remove(id: Uuid): Promise<boolean> {
      return (await db.oidcProvider.deleteMany({ where: { id } })).count === 1;
    },
  };
}
